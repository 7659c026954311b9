SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

DROP TRIGGER IF EXISTS auth_events_ownership_notice ON auth.auth_events;
DROP FUNCTION IF EXISTS auth.note_ownership_notice();
-- squawk-ignore ban-drop-table -- the check file counts what nobody is told; the audit trail has it
DROP TABLE IF EXISTS auth.ownership_notices;
