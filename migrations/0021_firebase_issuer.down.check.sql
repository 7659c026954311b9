SELECT format('%s users of a second Firebase project or tenant lose what tells them from users of the first', count(*)) AS finding,
       false AS blocking
FROM auth.users
WHERE firebase_issuer <> ''
HAVING count(*) > 0;
