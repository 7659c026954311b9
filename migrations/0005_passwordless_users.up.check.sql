-- A local person without a hash cannot sign in anywhere, and the invariant of 0005 refuses the row. Read through to_jsonb
-- because auth_provider does not exist yet on a database that is being adopted.
SELECT format(
           '%s local people have no password hash. Give each one an unusable hash (''!'') or deactivate and relabel them; ids: %s',
           count(*), string_agg(id::text, ', ' ORDER BY id) FILTER (WHERE ordinal <= 20)
       ) AS finding,
       true AS blocking
FROM (
    SELECT id, row_number() OVER (ORDER BY id) AS ordinal
    FROM auth.users AS person
    WHERE password_hash IS NULL
      AND coalesce(to_jsonb(person) ->> 'auth_provider', 'local') = 'local'
) AS without_hash
HAVING count(*) > 0;
