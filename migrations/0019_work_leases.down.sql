SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- squawk-ignore ban-drop-table -- who is at work just now, and nothing more
DROP TABLE IF EXISTS auth.work_leases;
