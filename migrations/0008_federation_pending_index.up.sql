-- mode: no-transaction
-- index: auth.idx_users_federation_pending
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction, require-lock-timeout, require-statement-timeout -- the runner sees to all three
-- Finds the few people whose Firebase account has to be looked at again. Partial, so that the many costs nothing; an index
-- over the provider would answer no question better than the scan does, with three values over all rows.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_users_federation_pending
    ON auth.users (federation_status, last_firebase_sync) WHERE federation_status <> 'active';
