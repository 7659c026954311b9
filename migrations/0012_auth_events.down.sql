SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- squawk-ignore ban-drop-table -- the check file counts what is lost, and nothing is dropped before somebody accepts it
DROP TABLE IF EXISTS auth.auth_events;
