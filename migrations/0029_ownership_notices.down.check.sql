-- The audit trail keeps the changes.
SELECT format('the mailer is never told of %s changes of ownership', count(*)) AS finding, false AS blocking
FROM auth.ownership_notices
HAVING count(*) > 0;
