SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- squawk-ignore ban-drop-table -- a bulk migration that was broken off while it looked has to be started anew, and nothing more
DROP TABLE IF EXISTS auth.migration_looks;
