-- An account that is to be deleted at Firebase is known from here alone; a live lease means that somebody is at work.
SELECT format('%s accounts are yet to be deleted at Firebase: run `origin users unlink` to the end first', count(*)) AS finding,
       true AS blocking
FROM auth.user_migrations
WHERE state = 'unlinking'
HAVING count(*) > 0
UNION ALL
SELECT format('%s people are being moved to Firebase at this moment', count(*)), true
FROM auth.user_migrations
WHERE lease_until > now()
HAVING count(*) > 0
UNION ALL
SELECT format('the results of %s migrations to Firebase are lost', count(*)), false
FROM auth.user_migrations
WHERE state <> 'pending'
HAVING count(*) > 0;
