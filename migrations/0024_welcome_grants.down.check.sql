SELECT format('%s people who had their welcome tokens could have them once more with another account', count(*)) AS finding,
       false AS blocking
FROM auth.welcome_grants
HAVING count(*) > 0;
