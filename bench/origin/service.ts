// What both services share: configuration, the pool, the shape of an answer.
import { serve } from "@hono/node-server";
import type { Hono } from "hono";
import { createRemoteJWKSet, jwtVerify } from "jose";
import pg from "pg";

const required = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

const PROJECT = required("FIREBASE_PROJECT_ID");
const keys = createRemoteJWKSet(new URL(required("FIREBASE_JWKS_URL")));

export const pool = new pg.Pool({ connectionString: required("DATABASE_URL"), max: 16 });

export interface Claims {
  sub: string;
  exp: number;
}

/** Verifies an ID token as Firebase's own libraries do. */
export async function verifyIdToken(token: string): Promise<Claims> {
  const { payload } = await jwtVerify(token, keys, {
    issuer: `https://securetoken.google.com/${PROJECT}`,
    audience: PROJECT,
    algorithms: ["RS256"],
  });
  return payload as unknown as Claims;
}

export const COLUMNS =
  "id, firebase_uid, email, username, display_name, user_type, is_active, token_balance, auth_provider, " +
  "email_verified, photo_url, last_login, created_at, updated_at";

export const userAnswer = (user: Record<string, unknown>) => ({
  success: true,
  data: { user },
  message: "User retrieved successfully",
  timestamp: new Date().toISOString(),
});

export function start(app: Hono): void {
  app.get("/readyz", async (c) => {
    await pool.query("SELECT 1");
    return c.text("ok");
  });
  serve({ fetch: app.fetch, port: Number(required("PORT")), hostname: "127.0.0.1" });
}
