-- The origin goes on refusing these people; at Firebase itself they can still sign in.
SELECT format('Firebase is never told of the changed standing of %s people', count(*)) AS finding, false AS blocking
FROM auth.standing_pushes
HAVING count(*) > 0;
