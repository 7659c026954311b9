-- Records a known user's new sign-in, or a proof of the row's address. Answers the changed row, or none when it already knew.
--
-- $1 uid, $2 e-mail, $3 whether Firebase has verified the e-mail, $4 display name, $5 photo URL, $6 signed in at,
-- $7 whether the sign-in proves the e-mail, $8 whether a proof that is new to the row changes its ownership, $9 situations in which
-- another row loses the address to it (shared/src/ownership.rs), $10 source address, $11 request id, $12 details,
-- $13 the uid's issuer as rows carry it
--
-- The address follows Firebase only when it is proven and no other user has proven it: an unproven change must not take over the address of
-- an older account. A proof counts for any last_login: the legacy service changes that by itself.
WITH held AS (
    SELECT id, password_hash, email_verified, lower(email) IS NOT DISTINCT FROM lower($2) AND email IS NOT NULL AS has_it
    FROM auth.users
    WHERE firebase_uid = $1 AND firebase_issuer = $13 AND is_active AND coalesce(valid_since <= $6, true)
      AND (
          last_login IS NULL OR last_login < $6
          OR ($7 AND CASE
              WHEN lower(email) IS NOT DISTINCT FROM lower($2) THEN NOT email_verified
              ELSE coalesce(valid_since < $6, true)
          END)
      )
    FOR UPDATE
),
namesake AS (
    SELECT other.id,
           'other ' || CASE
               WHEN NOT other.is_active THEN 'closed'
               ELSE CASE WHEN firebase_uid IS NULL THEN '' WHEN firebase_uid = other.id::text THEN 'moved_' ELSE 'linked_' END
                    || CASE WHEN other.email_verified THEN 'proven' ELSE 'unproven' END
           END AS situation
    FROM auth.users AS other, held
    WHERE $7 AND NOT held.has_it AND lower(other.email) = lower($2)
),
lost AS (
    UPDATE auth.users AS person
    SET email = NULL
    FROM namesake
    WHERE person.id = namesake.id AND namesake.situation = ANY ($9::text[])
      AND lower(person.email) = lower($2) AND person.firebase_uid IS NOT NULL AND person.is_active AND NOT person.email_verified
    RETURNING person.id
),
judged AS (
    SELECT id, password_hash, has_it, renamed,
           $7 AND (has_it OR renamed) AS proven,
           -- The user who proved the account's address owns the account, even if the row cannot take the address over.
           $7 AND $8 AND NOT (has_it AND email_verified) AS changes
    FROM (
        SELECT *, $7 AND NOT has_it AND (SELECT count(*) FROM namesake) = (SELECT count(*) FROM lost) AS renamed FROM held
    ) AS held
),
set_aside AS (
    INSERT INTO auth.set_aside_hashes (user_id, password_hash, reason)
    SELECT id, password_hash, 'address_proven' FROM judged WHERE changes AND password_hash IS NOT NULL
    ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, set_aside_at = excluded.set_aside_at
),
noted AS (
    INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id, details)
    SELECT 'ownership.changed', 'user', id, $10::text::inet, $11,
           $12::jsonb || jsonb_build_object('by', 'sign-in', 'legacy_password', CASE WHEN password_hash IS NULL THEN 'none' ELSE 'set_aside' END)
    FROM judged WHERE changes
    UNION ALL
    SELECT 'address.lost', 'origin', id, $10::text::inet, $11, '{"by": "proof"}'::jsonb FROM lost
)
UPDATE auth.users AS person
SET last_login = greatest(person.last_login, $6),
    last_firebase_sync = now(),
    federation_status = CASE person.federation_status WHEN 'disabled' THEN 'disabled' ELSE 'active' END,
    email = CASE WHEN judged.renamed THEN $2 ELSE person.email END,
    -- Firebase no longer has facts about an address that the account has left.
    email_verified = judged.proven OR (judged.has_it AND $3 AND person.email_verified),
    valid_since = CASE WHEN judged.changes THEN $6 ELSE person.valid_since END,
    password_hash = CASE WHEN NOT judged.changes THEN person.password_hash END,
    auth_provider = CASE WHEN judged.changes THEN 'firebase' ELSE person.auth_provider END,
    provider_data = CASE WHEN judged.changes THEN person.provider_data - 'password' ELSE person.provider_data END,
    display_name = coalesce(person.display_name, $4),
    photo_url = coalesce(person.photo_url, $5)
FROM judged
WHERE person.id = judged.id
RETURNING person.id, firebase_uid, person.email, username, display_name, user_type, is_active, token_balance, auth_provider,
          person.email_verified, photo_url, last_login, created_at, updated_at, valid_since, firebase_issuer
