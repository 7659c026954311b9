-- One credit or debit: recognises a repeat, changes the balance, writes the transfer and answers, in one round trip.
--
-- $1 caller, $2 idempotency key, $3 request hash, $4 user, $5 change of the balance, $6 kind, $7 debit account,
-- $8 credit account, $9 amount, $10 reason, $11 reference
--
-- The unique index on (caller, idempotency_key) gives a key one effect, not `prior`: two first requests under one key may both find
-- nothing. The second one to write the index then fails with 23505, which also undoes its UPDATE; the caller runs the statement again and
-- finds `prior`.
WITH prior AS (
    SELECT id, version, balance_after, created_at, request_hash
    FROM auth.token_transfers
    WHERE caller = $1 AND idempotency_key = $2
),
moved AS (
    UPDATE auth.users
    SET token_balance = token_balance + $5::integer, ledger_version = ledger_version + 1
    WHERE id = $4 AND token_balance::bigint + $5 BETWEEN 0 AND 2147483647 AND NOT EXISTS (SELECT FROM prior)
    RETURNING token_balance, ledger_version
),
made AS (
    INSERT INTO auth.token_transfers
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, reference,
         caller, idempotency_key, request_hash)
    SELECT $4, ledger_version, $6, $7, $8, $9, token_balance, $10, $11, $1, $2, $3
    FROM moved
    RETURNING id, version, balance_after, created_at
)
SELECT answer.replayed, answer.id, answer.version, answer.balance_after, answer.created_at, answer.request_hash,
       -- Only where nothing moved: the balance in this statement's snapshot, NULL = no such user.
       CASE WHEN answer.id IS NULL THEN (SELECT token_balance FROM auth.users WHERE id = $4) END AS seen_balance
FROM (VALUES (1)) AS always_one_row (one)
LEFT JOIN (
    SELECT false AS replayed, id, version, balance_after, created_at, NULL::bytea AS request_hash FROM made
    UNION ALL
    SELECT true, id, version, balance_after, created_at, request_hash FROM prior
) AS answer ON true
