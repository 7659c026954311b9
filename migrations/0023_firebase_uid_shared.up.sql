-- squawk-ignore-file require-concurrent-index-deletion -- the lock is taken within 25 ms or not at all, and nothing is scanned under it
-- From here on two projects, or two tenants, may have a user with the same uid. 0022 has the index that replaces this one.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

DROP INDEX IF EXISTS auth.users_firebase_uid_key;
