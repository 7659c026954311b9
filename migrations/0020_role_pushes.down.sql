SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

DROP TRIGGER IF EXISTS users_role_push ON auth.users;
DROP FUNCTION IF EXISTS auth.note_role_push();
