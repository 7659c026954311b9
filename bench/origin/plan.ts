// A service as the first plan for this migration wrote it: the token is verified by the middleware and again by the handler,
// every read writes `last_login`, and moving tokens takes four round trips.
import { Hono } from "hono";
import { creditIn } from "./plan-credit.mjs";
import { COLUMNS, pool, start, userAnswer, verifyIdToken } from "./service.ts";

const app = new Hono();

async function getOrCreateUser(token: string) {
  const claims = await verifyIdToken(token);
  const found = await pool.query("SELECT * FROM auth.users WHERE firebase_uid = $1", [claims.sub]);
  const user = found.rows[0];
  if (!user) throw new Error("User not found");
  await pool.query("UPDATE auth.users SET last_login = NOW(), updated_at = NOW() WHERE id = $1", [user.id]);
  return user;
}

app.use("/v1/auth/me", async (c, next) => {
  const token = c.req.header("Authorization")?.replace("Bearer ", "");
  if (!token) return c.json({ success: false, message: "Token not found" }, 401);
  try {
    await verifyIdToken(token);
  } catch {
    return c.json({ success: false, message: "Invalid token" }, 401);
  }
  await next();
});

app.get("/v1/auth/me", async (c) => {
  const token = c.req.header("Authorization")!.replace("Bearer ", "");
  const user = await getOrCreateUser(token);
  const shown = Object.fromEntries(COLUMNS.split(", ").map((name) => [name, user[name]]));
  return c.json(userAnswer(shown));
});

app.post("/v1/users/:id/tokens/credit", creditIn(pool));

start(app);
