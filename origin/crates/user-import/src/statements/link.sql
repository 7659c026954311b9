-- Links users to the accounts made for them. Skips every user with a changed row: the legacy service may have written a new hash or closed
-- the account, or an administrator may have deactivated the user, while Firebase was asked.
--
-- An import carries the hash: both sides agree on the password (see `legacy_hash.rs` of `users`). A found account may have an older hash:
-- the next sign-in compares the two, as after a change at the legacy service.
--
-- $1 holder, $2 ids, $3 addresses, $4 hashes, $5 result, $6 actor, $7 whether they are active, $8 the accounts' issuer as
-- rows carry it
WITH leased AS (
    SELECT user_id FROM auth.user_migrations WHERE user_id = ANY ($2) AND leased_by = $1 ORDER BY user_id FOR UPDATE
),
linked AS (
    UPDATE auth.users AS person
    SET firebase_uid = person.id::text,
        firebase_issuer = $8,
        auth_provider = 'hybrid',
        last_firebase_sync = now(),
        -- The account of a deactivated user is imported disabled. A found one may be enabled: the trigger notifies Firebase
        -- (users_standing_push).
        federation_status = CASE WHEN person.is_active OR $5 <> 'imported' THEN 'active' ELSE 'disabled' END,
        provider_data = person.provider_data || jsonb_build_object('password', jsonb_build_object(
            'digest',
            CASE WHEN $5 = 'imported' THEN encode(sha256(convert_to(seen.hash, 'UTF8')), 'hex') ELSE 'unknown' END,
            'at',
            floor(extract(epoch FROM clock_timestamp()))::bigint
        ))
    FROM unnest($2::uuid[], $3::text[], $4::text[], $7::boolean[]) AS seen (id, email, hash, is_active)
    JOIN leased ON leased.user_id = seen.id
    WHERE person.id = seen.id
      AND person.firebase_uid IS NULL
      AND person.email = seen.email
      AND person.password_hash = seen.hash
      AND person.is_active = seen.is_active
    RETURNING person.id
),
settled AS (
    UPDATE auth.user_migrations AS migration
    SET state = 'done', result = $5, leased_by = NULL, lease_until = NULL, updated_at = now()
    FROM linked
    WHERE migration.user_id = linked.id
),
noted AS (
    INSERT INTO auth.auth_events (kind, actor, user_id, details)
    SELECT 'user.migrated', $6, id, jsonb_build_object('at', 'bulk', 'result', $5) FROM linked
)
SELECT id FROM linked
