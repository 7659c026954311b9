-- NOT NULL cannot return while such rows exist, and inventing a password or an address is not a migration's business.
SELECT format(
           '%s people have no password hash and %s no e-mail address; docs/ops/rollback-procedures.md says what to do with them',
           count(*) FILTER (WHERE password_hash IS NULL), count(*) FILTER (WHERE email IS NULL)
       ) AS finding,
       true AS blocking
FROM auth.users
WHERE password_hash IS NULL OR email IS NULL
HAVING count(*) > 0;
