-- What is wrong with the ledger, one row a finding; empty means every guarantee holds. Reconciliation and monitoring read it.
-- It scans the whole ledger: for a scheduled job, not for a request.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

CREATE VIEW auth.ledger_differences AS
WITH movement AS (
    SELECT id, user_id, version, balance_after,
           CASE 'user:' || user_id::text WHEN credit_account THEN amount WHEN debit_account THEN -amount ELSE 0 END AS delta,
           lag(balance_after, 1, 0::bigint) OVER sequence AS balance_before,
           lag(version, 1, -1::bigint) OVER sequence AS version_before
    FROM auth.token_transfers
    WINDOW sequence AS (PARTITION BY user_id ORDER BY version)
),
account AS (
    SELECT user_id, sum(delta)::bigint AS balance, max(version) AS version FROM movement GROUP BY user_id
),
held AS (
    SELECT hold_id,
           sum(CASE 'hold:' || hold_id::text WHEN credit_account THEN amount WHEN debit_account THEN -amount ELSE 0 END)::bigint
               AS balance
    FROM auth.token_transfers
    WHERE hold_id IS NOT NULL
    GROUP BY hold_id
)
-- The balance is what the transfers say; a person who is gone has nothing.
SELECT 'balance' AS kind, coalesce(person.id, account.user_id) AS user_id, NULL::uuid AS hold_id,
       coalesce(account.balance, 0) AS expected, coalesce(person.token_balance, 0)::bigint AS actual
FROM auth.users AS person FULL JOIN account ON account.user_id = person.id
WHERE coalesce(account.balance, 0) <> coalesce(person.token_balance, 0)
UNION ALL
SELECT 'version', person.id, NULL, coalesce(account.version, 0), person.ledger_version
FROM auth.users AS person LEFT JOIN account ON account.user_id = person.id
WHERE coalesce(account.version, 0) <> person.ledger_version
UNION ALL
-- Every row continues the one before it.
SELECT 'chain', user_id, NULL, balance_before + delta, balance_after
FROM movement
WHERE balance_after <> balance_before + delta
UNION ALL
SELECT 'gap', user_id, NULL, version_before + 1, version
FROM movement
WHERE version <> version_before + 1 AND NOT (version_before = -1 AND version = 1)
UNION ALL
-- A hold's account has its amount while it is open and nothing afterwards.
SELECT 'hold', hold.user_id, hold.id, CASE hold.state WHEN 'reserved' THEN hold.amount ELSE 0 END, coalesce(held.balance, 0)
FROM auth.token_holds AS hold LEFT JOIN held ON held.hold_id = hold.id
WHERE coalesce(held.balance, 0) <> CASE hold.state WHEN 'reserved' THEN hold.amount ELSE 0 END;
