-- Reserves tokens: they leave the balance for the account of a new hold. Repeats and races as in move.sql.
--
-- $1 caller, $2 idempotency key, $3 request hash, $4 user, $5 amount, $6 the new hold's id, $7 lifetime in seconds,
-- $8 reason, $9 reference
WITH prior AS (
    SELECT transfer.id, transfer.version, transfer.balance_after, transfer.created_at, transfer.request_hash,
           transfer.hold_id, hold.expires_at
    FROM auth.token_transfers AS transfer
    LEFT JOIN auth.token_holds AS hold ON hold.id = transfer.hold_id
    WHERE transfer.caller = $1 AND transfer.idempotency_key = $2
),
moved AS (
    UPDATE auth.users
    SET token_balance = token_balance - $5::integer, ledger_version = ledger_version + 1
    WHERE id = $4 AND token_balance >= $5 AND NOT EXISTS (SELECT FROM prior)
    RETURNING token_balance, ledger_version
),
held AS (
    INSERT INTO auth.token_holds (id, user_id, amount, caller, reason, reference, expires_at)
    SELECT $6, $4, $5, $1, $8, $9, now() + make_interval(secs => $7)
    FROM moved
    RETURNING id, expires_at
),
made AS (
    INSERT INTO auth.token_transfers
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, reference, hold_id,
         caller, idempotency_key, request_hash)
    SELECT $4, ledger_version, 'reserve', 'user:' || $4::text, 'hold:' || held.id::text, $5, token_balance, $8, $9, held.id,
           $1, $2, $3
    FROM moved CROSS JOIN held
    RETURNING id, version, balance_after, created_at
)
SELECT answer.*,
       CASE WHEN answer.id IS NULL THEN (SELECT token_balance FROM auth.users WHERE id = $4) END AS seen_balance
FROM (VALUES (1)) AS always_one_row (one)
LEFT JOIN (
    SELECT false AS replayed, made.id, made.version, made.balance_after, made.created_at, NULL::bytea AS request_hash,
           held.id AS hold_id, held.expires_at
    FROM made CROSS JOIN held
    UNION ALL
    SELECT true, id, version, balance_after, created_at, request_hash, hold_id, expires_at FROM prior
) AS answer ON true
