SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- squawk-ignore ban-drop-table -- what origins wrote in the last second, and nothing more
DROP TABLE IF EXISTS auth.replica_beats;
