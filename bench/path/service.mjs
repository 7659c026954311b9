// The plan's service: Hono, `firebase-admin` and node-postgres, by its steps 2.2 to 2.5. Statements go as the plan sends them: node-postgres
// prepares only those that have a name, and the plan gives none.
import { createRequire } from "node:module";
import path from "node:path";
import { serve } from "@hono/node-server";
import { initializeApp } from "firebase-admin/app";
import { getAuth } from "firebase-admin/auth";
import { Hono } from "hono";
import pg from "pg";
import { creditIn } from "../origin/plan-credit.mjs";

const { PORT, DATABASE_URL, DB_POOL_MAX, FIREBASE_PROJECT_ID, FIREBASE_CERTS_URL, IDENTITY_TOOLKIT_URL } = process.env;
const require = createRequire(import.meta.url);
// The address of Google's keys is fixed in the library, and this is the only way to another.
const library = path.join(path.dirname(require.resolve("firebase-admin/auth")), "token-verifier.js");
const { FirebaseTokenVerifier, ID_TOKEN_INFO } = require(library);

const firebase = initializeApp({ projectId: FIREBASE_PROJECT_ID });
const auth = getAuth(firebase);
auth.idTokenVerifier = new FirebaseTokenVerifier(
  FIREBASE_CERTS_URL, "https://securetoken.google.com/", ID_TOKEN_INFO, firebase,
);
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(DB_POOL_MAX), options: "-c search_path=auth" });

const findByFirebaseUid = async (uid) => (await pool.query("SELECT * FROM users WHERE firebase_uid = $1", [uid])).rows[0];

const createFirebaseUser = async (claims) => {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const { rows } = await client.query(
      `INSERT INTO users (firebase_uid, email, display_name, auth_provider, last_firebase_sync)
       VALUES ($1, $2, $3, 'firebase', NOW()) RETURNING *`,
      [claims.uid, claims.email ?? "", claims.name],
    );
    await client.query("COMMIT");
    return rows[0];
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
};

const updateLastLogin = (id) => pool.query("UPDATE users SET last_login = NOW(), updated_at = NOW() WHERE id = $1", [id]);

const getOrCreateUser = async (token) => {
  const claims = await auth.verifyIdToken(token);
  let user = await findByFirebaseUid(claims.uid);
  if (user) await updateLastLogin(user.id);
  else user = await createFirebaseUser(claims);
  if (!user.is_active) throw new Error("User account is deactivated");
  return user;
};

const verifyTokenAndGetUser = async (token) => {
  const claims = await auth.verifyIdToken(token);
  return { user: await getOrCreateUser(token), firebaseUid: claims.uid };
};

const shown = (user, names) => Object.fromEntries(names.map((name) => [name, user[name]]));
const SHORT = ["id", "firebase_uid", "email", "username", "user_type", "is_active", "token_balance"];
const LONG = [...SHORT, "auth_provider", "last_login", "created_at"];

const app = new Hono();

app.get("/readyz", async (c) => {
  await pool.query("SELECT 1");
  return c.text("ok");
});

app.post("/v1/auth/login", async (c) => {
  const { email, password } = await c.req.json();
  const answer = await fetch(`${IDENTITY_TOOLKIT_URL}/v1/accounts:signInWithPassword?key=bench`, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password, returnSecureToken: true }),
  });
  if (!answer.ok) return c.json({ success: false, message: "Login failed" }, 401);
  const { idToken, refreshToken, expiresIn, localId } = await answer.json();
  return c.json({ success: true, data: { uid: localId, email, idToken, refreshToken, expiresIn }, message: "Login successful" });
});

app.post("/v1/auth/verify-token", async (c) => {
  try {
    const { token } = await c.req.json();
    if (!token) return c.json({ success: false, message: "Token is required" }, 400);
    const { user } = await verifyTokenAndGetUser(token);
    return c.json({ success: true, data: { user: shown(user, SHORT) }, message: "Token verified successfully" });
  } catch (error) {
    return c.json({ success: false, message: error.message }, 401);
  }
});

const authenticateFirebase = async (c, next) => {
  const token = c.req.header("Authorization")?.replace("Bearer ", "");
  if (!token) return c.json({ success: false, message: "Token not found" }, 401);
  try {
    c.set("firebaseUser", await auth.verifyIdToken(token));
  } catch (error) {
    return c.json({ success: false, message: error.message }, 401);
  }
  await next();
};

app.get("/v1/auth/me", authenticateFirebase, async (c) => {
  try {
    const user = await getOrCreateUser(c.req.header("Authorization").replace("Bearer ", ""));
    return c.json({ success: true, data: { user: shown(user, LONG) }, message: "User retrieved successfully" });
  } catch (error) {
    return c.json({ success: false, message: error.message }, 500);
  }
});

app.post("/v1/users/:id/tokens/credit", creditIn(pool));

serve({ fetch: app.fetch, port: Number(PORT), hostname: "127.0.0.1" });
