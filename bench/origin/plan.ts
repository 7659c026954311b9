// A service as the first plan for this migration wrote it: the token is verified by the middleware and again by the handler,
// every read writes `last_login`, and moving tokens takes four round trips.
import { Hono } from "hono";
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

app.post("/v1/users/:id/tokens/credit", async (c) => {
  const { amount, reason } = await c.req.json();
  const id = c.req.param("id");
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const moved = await client.query(
      `UPDATE auth.users SET token_balance = token_balance + $1, ledger_version = ledger_version + 1
       WHERE id = $2 RETURNING token_balance, ledger_version`,
      [amount, id],
    );
    const { token_balance, ledger_version } = moved.rows[0];
    const made = await client.query(
      `INSERT INTO auth.token_transfers (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller,
         idempotency_key, request_hash)
       VALUES ($1, $2, 'credit', 'system:issued', 'user:' || $1::uuid::text, $3, $4, $5, 'plan', $6, sha256($5::text::bytea)) RETURNING id, created_at`,
      [id, ledger_version, amount, token_balance, reason, c.req.header("Idempotency-Key")],
    );
    await client.query("COMMIT");
    return c.json({ success: true, data: { ...made.rows[0], balance_after: token_balance } });
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
});

start(app);
