-- mode: no-transaction
-- index: auth.users_firebase_account_key
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction, require-lock-timeout, require-statement-timeout -- the runner sees to all three
-- The index of every request's look-up, which begins with the uid as before: a release of before goes on by its first column.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_firebase_account_key ON auth.users (firebase_uid, firebase_issuer);
