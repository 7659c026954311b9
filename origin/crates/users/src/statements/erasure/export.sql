-- All stored data of a user, every table by its name; no row when there is no such user.
--
-- $1 user
--
-- A hash is a credential, not data about the user: the export only says that there is one.
SELECT jsonb_build_object(
    'users', jsonb_build_array(
        to_jsonb(person) - 'password_hash' || jsonb_build_object('has_password_hash', person.password_hash IS NOT NULL)
    ),
    'user_profiles', (SELECT coalesce(jsonb_agg(row), '[]') FROM auth.user_profiles AS row WHERE row.user_id = person.id),
    'token_transfers', (
        SELECT coalesce(jsonb_agg(row ORDER BY row.version), '[]') FROM auth.token_transfers AS row WHERE row.user_id = person.id
    ),
    'token_holds', (
        SELECT coalesce(jsonb_agg(row ORDER BY row.created_at, row.id), '[]') FROM auth.token_holds AS row WHERE row.user_id = person.id
    ),
    'auth_events', (
        SELECT coalesce(jsonb_agg(row ORDER BY row.id), '[]') FROM auth.auth_events AS row WHERE row.user_id = person.id
    ),
    'user_migrations', (SELECT coalesce(jsonb_agg(row), '[]') FROM auth.user_migrations AS row WHERE row.user_id = person.id),
    'user_syncs', (SELECT coalesce(jsonb_agg(row), '[]') FROM auth.user_syncs AS row WHERE row.user_id = person.id),
    'standing_changes', (SELECT coalesce(jsonb_agg(row), '[]') FROM auth.standing_changes AS row WHERE row.user_id = person.id),
    'standing_pushes', (SELECT coalesce(jsonb_agg(row), '[]') FROM auth.standing_pushes AS row WHERE row.user_id = person.id),
    'welcome_grants', (SELECT coalesce(jsonb_agg(row), '[]') FROM auth.welcome_grants AS row WHERE row.user_id = person.id),
    'welcome_dues', (SELECT coalesce(jsonb_agg(row), '[]') FROM auth.welcome_dues AS row WHERE row.user_id = person.id),
    'set_aside_hashes', (
        SELECT coalesce(jsonb_agg(to_jsonb(row) - 'password_hash'), '[]')
        FROM auth.set_aside_hashes AS row WHERE row.user_id = person.id
    )
)
FROM auth.users AS person
WHERE person.id = $1
