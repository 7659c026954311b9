// How the plan moves tokens: a transaction of four round trips. The plan only adds to the balance. Our table of transfers comes with it, since
// a trigger of the schema checks one against the other.

/** The handler of a credit, for Hono. */
export const creditIn = (pool) => async (c) => {
  const { amount, reason } = await c.req.json();
  const id = c.req.param("id");
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const moved = await client.query(
      `UPDATE auth.users SET token_balance = token_balance + $1, ledger_version = ledger_version + 1, updated_at = NOW()
       WHERE id = $2 RETURNING *`,
      [amount, id],
    );
    if (!moved.rows[0]) throw new Error("User not found");
    const { token_balance, ledger_version } = moved.rows[0];
    const made = await client.query(
      `INSERT INTO auth.token_transfers (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller,
         idempotency_key, request_hash)
       VALUES ($1, $2, 'credit', 'system:issued', 'user:' || $1::uuid::text, $3, $4, $5, 'plan', $6, sha256($5::text::bytea))
       RETURNING id, created_at`,
      [id, ledger_version, amount, token_balance, reason, c.req.header("Idempotency-Key")],
    );
    await client.query("COMMIT");
    return c.json({ success: true, data: { ...made.rows[0], balance_after: token_balance } });
  } catch (error) {
    await client.query("ROLLBACK");
    return c.json({ success: false, message: error.message }, 500);
  } finally {
    client.release();
  }
};
