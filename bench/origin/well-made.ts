// The same reads made well: a token is verified once and remembered, the statement is prepared, nothing is written.
import { Hono } from "hono";
import { COLUMNS, type Claims, pool, start, userAnswer, verifyIdToken } from "./service.ts";

const app = new Hono();
const MOST_REMEMBERED = 4096;
const remembered = new Map<string, Claims>();

async function verifyOnce(token: string): Promise<Claims> {
  const known = remembered.get(token);
  if (known && known.exp * 1000 > Date.now()) return known;
  const claims = await verifyIdToken(token);
  if (remembered.size >= MOST_REMEMBERED) remembered.delete(remembered.keys().next().value!);
  remembered.set(token, claims);
  return claims;
}

app.get("/v1/auth/me", async (c) => {
  const header = c.req.header("Authorization");
  if (!header?.startsWith("Bearer ")) return c.json({ success: false, message: "Token not found" }, 401);
  let claims: Claims;
  try {
    claims = await verifyOnce(header.slice(7));
  } catch {
    return c.json({ success: false, message: "Invalid token" }, 401);
  }
  const found = await pool.query({
    name: "user",
    text: `SELECT ${COLUMNS} FROM auth.users WHERE firebase_uid = $1`,
    values: [claims.sub],
  });
  const user = found.rows[0];
  if (!user) return c.json({ success: false, message: "User not found" }, 404);
  if (!user.is_active) return c.json({ success: false, message: "The account is disabled" }, 403);
  return c.json(userAnswer(user));
});

start(app);
