SELECT format('%s users share their uid with a user of another Firebase project or tenant: %s', users, ids) AS finding,
       true AS blocking
FROM (
    SELECT count(*) AS users, string_agg(id::text, ', ' ORDER BY created_at, id) AS ids
    FROM auth.users
    WHERE firebase_uid IS NOT NULL
    GROUP BY firebase_uid
    HAVING count(*) > 1
    ORDER BY min(created_at)
    LIMIT 50
) AS collisions;
