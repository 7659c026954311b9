-- Synchronises a row with its Firebase account, and audits it. Answers the row, or none when there is no such user.
--
-- $1 user, $2 whether there is an account at all, $3 address, $4 whether it is proven, $5 display name, $6 photo URL,
-- $7 whether the account is disabled, $8 actor, $9 source address, $10 request id, $11 whether a proof that is new to the row changes its
-- ownership (shared/src/ownership.rs)
--
-- The row of a user who may not act takes no data: they may have been removed since Firebase answered.
--
-- It is unknown which sign-in proved the address. Every sign-in so far is void, and the user who proved it signs in once more.
WITH held AS (
    SELECT id, is_active, password_hash, email_verified, email IS NOT NULL AND lower(email) IS NOT DISTINCT FROM lower($3) AS has_it
    FROM auth.users
    WHERE id = $1
    FOR UPDATE
),
judged AS (
    SELECT id, is_active, password_hash, renamed, $4 AND (has_it OR renamed) AS proven,
           $4 AND $11 AND is_active AND ((has_it AND NOT email_verified) OR renamed) AS changes
    FROM (
        SELECT *, $4 AND is_active AND NOT has_it AND NOT EXISTS (SELECT FROM auth.users WHERE lower(email) = lower($3)) AS renamed FROM held
    ) AS held
),
set_aside AS (
    INSERT INTO auth.set_aside_hashes (user_id, password_hash, reason)
    SELECT id, password_hash, 'address_proven' FROM judged WHERE changes AND password_hash IS NOT NULL
    ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, set_aside_at = excluded.set_aside_at
),
synced AS (
    UPDATE auth.users AS person
    SET federation_status = CASE WHEN NOT $2 THEN 'failed' WHEN $7 THEN 'disabled' ELSE 'active' END,
        last_firebase_sync = now(),
        email = CASE WHEN judged.renamed THEN $3 ELSE person.email END,
        email_verified = CASE WHEN $2 THEN judged.proven ELSE person.email_verified END,
        valid_since = CASE WHEN judged.changes THEN date_trunc('second', now()) ELSE person.valid_since END,
        password_hash = CASE WHEN NOT judged.changes THEN person.password_hash END,
        auth_provider = CASE WHEN judged.changes THEN 'firebase' ELSE person.auth_provider END,
        provider_data = CASE WHEN judged.changes THEN person.provider_data - 'password' ELSE person.provider_data END,
        display_name = CASE WHEN $2 AND judged.is_active THEN $5 ELSE person.display_name END,
        photo_url = CASE WHEN $2 AND judged.is_active THEN $6 ELSE person.photo_url END
    FROM judged
    WHERE person.id = judged.id
    RETURNING person.*
),
noted AS (
    INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id, details)
    SELECT 'user.synced', $8, id, $9::text::inet, $10, jsonb_build_object('status', federation_status) FROM synced
    UNION ALL
    SELECT 'ownership.changed', $8, id, $9::text::inet, $10,
           jsonb_build_object('by', 'sync', 'legacy_password', CASE WHEN password_hash IS NULL THEN 'none' ELSE 'set_aside' END)
    FROM judged WHERE changes
)
SELECT id, firebase_uid, email, username, display_name, user_type, is_active, token_balance, auth_provider, email_verified,
       photo_url, last_login, created_at, updated_at, valid_since, firebase_issuer
FROM synced
