-- squawk-ignore-file ban-drop-table -- what a down migration is for; the check file counts what is lost
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

DROP TRIGGER IF EXISTS users_address_proven ON auth.users;
DROP TRIGGER IF EXISTS users_created_proven ON auth.users;
DROP FUNCTION IF EXISTS auth.note_welcome_due();
DROP FUNCTION IF EXISTS auth.note_welcome();
DROP TABLE IF EXISTS auth.welcome_dues;
DROP TABLE IF EXISTS auth.welcome_grants;
DROP FUNCTION IF EXISTS auth.person_of_address(text);
