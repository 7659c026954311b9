-- mode: no-transaction
-- index: auth.users_firebase_uid_key
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction, require-lock-timeout, require-statement-timeout -- the runner sees to all three
-- The one index on the uid: it answers the lookup of every request and makes `ON CONFLICT (firebase_uid)` possible, so that
-- a hundred first calls of one person make one row.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_firebase_uid_key ON auth.users (firebase_uid);
