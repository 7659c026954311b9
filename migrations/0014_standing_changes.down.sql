SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

DROP TRIGGER IF EXISTS users_standing_ended ON auth.users;
DROP TRIGGER IF EXISTS users_standing_changed ON auth.users;
-- squawk-ignore ban-drop-table -- holds nothing that auth.users does not; the edge falls back to asking about each person
DROP TABLE IF EXISTS auth.standing_changes;
DROP FUNCTION IF EXISTS auth.note_standing_change();
