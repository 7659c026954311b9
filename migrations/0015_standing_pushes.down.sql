SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

DROP TRIGGER IF EXISTS users_standing_push ON auth.users;
-- squawk-ignore ban-drop-table -- the check file counts what Firebase is not told; the origin refuses these people all the same
DROP TABLE IF EXISTS auth.standing_pushes;
DROP FUNCTION IF EXISTS auth.note_standing_push();
