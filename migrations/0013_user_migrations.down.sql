SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- squawk-ignore ban-drop-table -- the check files count what is lost; who is linked stays in auth.users
DROP TABLE IF EXISTS auth.user_migrations;
-- squawk-ignore ban-drop-table -- retries that are owed are found again by federation_status
DROP TABLE IF EXISTS auth.user_syncs;
