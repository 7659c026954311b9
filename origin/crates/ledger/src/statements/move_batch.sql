-- Several credits and debits of one user, in the order given: all of them, or none.
--
-- $1 user, $2 total change, $3 lowest and $4 highest point on the way, then one array element a movement: $5 callers,
-- $6 idempotency keys, $7 request hashes, $8 changes up to and with this one, $9 kinds, $10 debit accounts,
-- $11 credit accounts, $12 amounts, $13 reasons, $14 references
--
-- None when a request used one of the keys before (the answer has it, and the caller can send the rest again), when a balance on the way
-- would be illegal, or when there is no such user. Two requests that race under one key end as in move.sql.
WITH asked AS (
    SELECT *
    FROM unnest($5::text[], $6::text[], $7::bytea[], $8::bigint[], $9::text[], $10::text[], $11::text[], $12::bigint[],
                $13::text[], $14::text[])
         WITH ORDINALITY AS asked (caller, idempotency_key, request_hash, change_so_far, kind, debit_account, credit_account,
                                   amount, reason, reference, place)
),
prior AS (
    SELECT asked.place, transfer.id, transfer.version, transfer.balance_after, transfer.created_at, transfer.request_hash
    FROM asked
    JOIN auth.token_transfers AS transfer
        ON transfer.caller = asked.caller AND transfer.idempotency_key = asked.idempotency_key
),
moved AS (
    UPDATE auth.users
    SET token_balance = (token_balance + $2::bigint)::integer, ledger_version = ledger_version + cardinality($5)
    WHERE id = $1 AND token_balance + $3::bigint >= 0 AND token_balance + $4::bigint <= 2147483647 AND NOT EXISTS (SELECT FROM prior)
    RETURNING token_balance - $2::bigint AS balance_before, ledger_version - cardinality($5) AS version_before
),
made AS (
    INSERT INTO auth.token_transfers
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, reference,
         caller, idempotency_key, request_hash)
    SELECT $1, version_before + place, kind, debit_account, credit_account, amount, balance_before + change_so_far, reason,
           reference, caller, idempotency_key, request_hash
    FROM moved CROSS JOIN asked
    ORDER BY place
    RETURNING id, version, balance_after, created_at
)
-- `place` counts from 1.
SELECT made.version - moved.version_before AS place, false AS replayed, made.id, made.version, made.balance_after,
       made.created_at, NULL::bytea AS request_hash
FROM made CROSS JOIN moved
UNION ALL
SELECT place, true, id, version, balance_after, created_at, request_hash FROM prior
