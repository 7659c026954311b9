-- squawk-ignore-file ban-drop-column, ban-drop-table -- what a down migration is for; the check file counts what is lost
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

DROP TABLE IF EXISTS auth.firebase_home;
ALTER TABLE auth.users DROP COLUMN IF EXISTS firebase_issuer;
