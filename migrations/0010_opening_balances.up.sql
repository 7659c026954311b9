-- mode: batched
-- Gives everyone who had tokens before the ledger existed their opening, so that the sum of transfers equals the balance for
-- all. Called with the last id done and the batch size until it returns no row; may be repeated from anywhere.
--
-- No row is locked: one statement sees one snapshot, in which a balance and the movements recorded since 0009 belong
-- together, so their difference is what the person had before, whoever writes meanwhile.
-- The movements are summed person by person: as a join the planner may read the ledger from its beginning for every batch.
WITH batch AS (
    SELECT id, token_balance FROM auth.users WHERE id > $1 ORDER BY id LIMIT $2
),
opened AS (
    SELECT id,
           token_balance - coalesce((
               SELECT sum(CASE 'user:' || batch.id::text WHEN credit_account THEN amount WHEN debit_account THEN -amount END)
               FROM auth.token_transfers
               WHERE user_id = batch.id
           ), 0)::bigint AS amount
    FROM batch
),
written AS (
    INSERT INTO auth.token_transfers
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller)
    SELECT id, 0, 'opening', 'system:opening', 'user:' || id::text, amount, amount, 'balance before the ledger', 'origin'
    FROM opened
    WHERE amount <> 0
    ON CONFLICT (user_id, version) DO NOTHING
)
SELECT id FROM batch ORDER BY id DESC LIMIT 1;
