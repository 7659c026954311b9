-- Takes the leases of users in the queue, in the order in which users move. SKIP LOCKED lets several processes pass each other.
--
-- $1 holder, $2 share in basis points, $3 how many, $4 seconds
WITH next AS (
    SELECT user_id
    FROM auth.user_migrations
    WHERE state = 'pending' AND bucket < $2 AND coalesce(lease_until < now(), true)
    ORDER BY bucket, user_id
    LIMIT $3
    FOR UPDATE SKIP LOCKED
),
claimed AS (
    UPDATE auth.user_migrations AS migration
    SET leased_by = $1, lease_until = now() + make_interval(secs => $4), updated_at = now()
    FROM next
    WHERE migration.user_id = next.user_id
    RETURNING migration.user_id
)
SELECT claimed.user_id,
       person.id IS NOT NULL AS there,
       person.firebase_uid IS NOT NULL AS linked,
       person.id, person.email, person.password_hash, person.display_name, person.email_verified, person.is_active,
       person.user_type
FROM claimed LEFT JOIN auth.users AS person ON person.id = claimed.user_id
