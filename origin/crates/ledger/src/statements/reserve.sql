-- Reserves tokens: they leave the balance for the account of a new hold. Repeats and races as in move.sql.
--
-- $1 caller, $2 idempotency key, $3 request hash, $4 user, $5 amount, $6 the new hold's id, $7 lifetime in seconds,
-- $8 description
WITH prior AS (
    SELECT transfer.request_hash, row_to_json(transfer) AS transfer, hold.expires_at
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
    SELECT $6, $4, $5, $1, $8->>'reason', $8->>'reference', now() + make_interval(secs => $7)
    FROM moved
    RETURNING id, reason, reference, expires_at
),
made AS (
    INSERT INTO auth.token_transfers AS transfer
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, reference, hold_id,
         caller, idempotency_key, request_hash)
    SELECT $4, ledger_version, 'reserve', 'user:' || $4::text, 'hold:' || held.id::text, $5, token_balance, reason, reference,
           held.id, $1, $2, $3
    FROM moved CROSS JOIN held
    RETURNING row_to_json(transfer) AS transfer
)
SELECT answer.*,
       CASE WHEN answer.transfer IS NULL THEN (SELECT token_balance FROM auth.users WHERE id = $4) END AS seen_balance
FROM (VALUES (1)) AS always_one_row (one)
LEFT JOIN (
    SELECT NULL::bytea AS request_hash, made.transfer, held.expires_at FROM made CROSS JOIN held
    UNION ALL
    SELECT request_hash, transfer, expires_at FROM prior
) AS answer ON true
