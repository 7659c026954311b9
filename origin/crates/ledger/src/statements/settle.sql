-- Ends a hold: captured tokens are spent, the rest goes back to the balance. Repeats and races as in move.sql; of a capture, a release and
-- the expiry that race for one hold, the first one to lock its row wins and the others change nothing.
--
-- $1 caller, $2 idempotency key, $3 request hash, $4 hold, $5 tokens to capture (NULL = all of them), $6 the final state:
-- 'captured', 'released' (with $5 = 0) or 'expired' (with $5 = 0), $7 reason
--
-- Locks the hold before the user, like every statement that needs both.
WITH prior AS (
    SELECT request_hash, row_to_json(transfer) AS transfer
    FROM auth.token_transfers AS transfer
    WHERE caller = $1 AND idempotency_key = $2
),
settled AS (
    UPDATE auth.token_holds
    SET state = $6, captured_amount = coalesce($5, amount), settled_at = now()
    WHERE id = $4
        AND state = 'reserved'
        AND (expires_at <= now()) = ($6 = 'expired')
        AND coalesce($5, amount) <= amount
        -- The caller that reserved a hold settles it. Only the origin's own expiry ends a hold of another caller.
        AND (caller = $1 OR $6 = 'expired')
        AND NOT EXISTS (SELECT FROM prior)
    RETURNING user_id, captured_amount AS captured, amount - captured_amount AS rest, reference
),
moved AS (
    UPDATE auth.users AS person
    SET token_balance = (person.token_balance + settled.rest)::integer,
        ledger_version = person.ledger_version + (settled.captured > 0)::integer + (settled.rest > 0)::integer
    FROM settled
    WHERE person.id = settled.user_id
    RETURNING settled.*, person.token_balance, person.ledger_version
),
made AS (
    INSERT INTO auth.token_transfers AS transfer
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, reference, hold_id,
         caller, idempotency_key, request_hash)
    SELECT user_id, ledger_version - (rest > 0)::integer, 'capture', 'hold:' || $4::text, 'system:spent', captured,
           token_balance - rest, $7, reference, $4, $1, $2, $3::bytea
    FROM moved
    WHERE captured > 0
    UNION ALL
    -- The capture carries the key, if there is one: a key names one row.
    SELECT user_id, ledger_version, 'release', 'hold:' || $4::text, 'user:' || user_id::text, rest, token_balance, $7,
           reference, $4, $1, CASE WHEN captured = 0 THEN $2 END, CASE WHEN captured = 0 THEN $3::bytea END
    FROM moved
    WHERE rest > 0
    RETURNING transfer.idempotency_key, row_to_json(transfer) AS transfer
)
SELECT answer.*,
       -- The hold in this statement's snapshot, before the statement settled it; all NULL = no such hold.
       hold.user_id AS hold_user_id, hold.amount AS hold_amount, hold.expires_at,
       hold.state AS seen_state, hold.expires_at <= now() AS seen_due, hold.caller = $1 AS seen_own
FROM (VALUES (1)) AS always_one_row (one)
LEFT JOIN auth.token_holds AS hold ON hold.id = $4
LEFT JOIN (
    SELECT NULL::bytea AS request_hash, transfer FROM made WHERE idempotency_key IS NOT NULL
    UNION ALL
    SELECT request_hash, transfer FROM prior
) AS answer ON true
