-- mode: no-transaction
-- index: auth.users_firebase_uid_key
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction, require-lock-timeout, require-statement-timeout -- the runner sees to all three
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_firebase_uid_key ON auth.users (firebase_uid);
