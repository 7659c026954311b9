SELECT format('%s people lose the link to their Firebase account (auth.users.firebase_uid)', count(*)) AS finding,
       false AS blocking
FROM auth.users
WHERE firebase_uid IS NOT NULL
HAVING count(*) > 0;
