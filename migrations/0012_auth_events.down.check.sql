SELECT format('%s events of the audit trail are lost', count(*)) AS finding, false AS blocking
FROM auth.auth_events
HAVING count(*) > 0;
