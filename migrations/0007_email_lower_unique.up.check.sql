-- Addresses are personal data, so the finding names ids; docs/DATA_MODEL.md has the query that shows the rows.
SELECT format('%s people share an e-mail address that differs only in case: %s', people, ids) AS finding,
       true AS blocking
FROM (
    SELECT count(*) AS people, string_agg(id::text, ', ' ORDER BY created_at, id) AS ids
    FROM auth.users
    WHERE email IS NOT NULL
    GROUP BY lower(email)
    HAVING count(*) > 1
    ORDER BY min(created_at)
    LIMIT 50
) AS collisions;
