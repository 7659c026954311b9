-- Credits and debits of one user: recognises repeats, changes the balance, writes the transfers and answers, in one round trip. All of
-- them, or none.
--
-- $1 user, $2 how many, $3 total change of the balance, $4 lowest and $5 highest point on the way, and `asked` with the movements of
-- move_one.sql or move_many.sql: $6 caller, $7 idempotency key, $8 request hash, $9 change of the balance, $10 description
--
-- None when a request used one of the keys before (the answer has its transfer), when a balance on the way would be illegal, or when there
-- is no such user.
--
-- The unique index on (caller, idempotency_key) gives a key one effect, not `prior`: two first requests under one key may both find
-- nothing. The second one to write the index then fails with 23505, which also undoes its UPDATE; the caller runs the statement again and
-- finds `prior`.
prior AS (
    SELECT asked.place, transfer.request_hash, row_to_json(transfer) AS transfer
    FROM asked
    JOIN auth.token_transfers AS transfer
        ON transfer.caller = asked.caller AND transfer.idempotency_key = asked.idempotency_key
),
moved AS (
    UPDATE auth.users
    SET token_balance = (token_balance + $3::bigint)::integer, ledger_version = ledger_version + $2::bigint
    WHERE id = $1 AND token_balance + $4::bigint >= 0 AND token_balance + $5::bigint <= 2147483647 AND NOT EXISTS (SELECT FROM prior)
    RETURNING token_balance - $3::bigint AS balance_before, ledger_version - $2::bigint AS version_before
),
made AS (
    INSERT INTO auth.token_transfers AS transfer
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, reference,
         caller, idempotency_key, request_hash)
    SELECT $1, version_before + place, CASE WHEN change > 0 THEN 'credit' ELSE 'debit' END,
           CASE WHEN change > 0 THEN 'system:issued' ELSE 'user:' || $1::text END,
           CASE WHEN change > 0 THEN 'user:' || $1::text ELSE 'system:spent' END,
           abs(change), balance_before + change_so_far, description->>'reason', description->>'reference',
           caller, idempotency_key, request_hash
    FROM moved CROSS JOIN asked
    ORDER BY place
    RETURNING transfer.version, row_to_json(transfer) AS transfer
)
SELECT answer.*,
       -- Only where nothing moved: the balance in this statement's snapshot, NULL = no such user.
       CASE WHEN answer.place IS NULL THEN (SELECT token_balance FROM auth.users WHERE id = $1) END AS seen_balance
FROM (VALUES (1)) AS always_one_row (one)
LEFT JOIN (
    -- `place` counts from 1.
    SELECT made.version - moved.version_before AS place, NULL::bytea AS request_hash, made.transfer
    FROM made CROSS JOIN moved
    UNION ALL
    SELECT place, request_hash, transfer FROM prior
) AS answer ON true
