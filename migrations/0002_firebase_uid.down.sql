SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

ALTER TABLE auth.users DROP CONSTRAINT IF EXISTS users_firebase_uid_check;
-- squawk-ignore ban-drop-column -- what a down migration is for; the check file counts the links lost
ALTER TABLE auth.users DROP COLUMN IF EXISTS firebase_uid;
