-- First sight of a Firebase account: finds, links or creates the user, grants the welcome tokens and writes the audit events, in one round
-- trip. Answers one row, or none when another session interfered; the caller then looks again.
--
-- $1 uid, $2 e-mail, $3 whether the sign-in proves the e-mail, $4 display name, $5 photo URL, $6 signed in at, $7 id for a new row,
-- $8 welcome tokens, $9 the grant's key, $10 the grant's request hash, $11 source address, $12 request id, $13 details,
-- $14 situations in which a row with the address is linked, $15 those of them in which its ownership changes, $16 situations in which
-- it loses the address (shared/src/ownership.rs), $17 the uid's issuer as rows carry it, $18 who has proven to be who, or NULL
--
-- ON CONFLICT DO NOTHING without a target covers every unique index: the same account arriving twice, and two accounts with
-- one address. With a target the other indexes would still raise 23505.
WITH known AS (
    SELECT * FROM auth.users WHERE firebase_uid = $1 AND firebase_issuer = $17
),
-- The row that already has the address, if it is not this account's.
namesake AS (
    SELECT id, situation,
           -- A sign-in from before the last revocation must not link: the account may have been unlinked since.
           situation = ANY ($14::text[]) AND coalesce(valid_since <= $6, true) AS may_link,
           situation = ANY ($16::text[]) AS loses,
           is_active OR NOT $3 AS enabled
    FROM (
        SELECT id, is_active, valid_since,
               CASE WHEN firebase_uid IS NULL AND id::text = $1 AND $17 = '' THEN 'own ' ELSE 'other ' END || CASE
                   WHEN NOT is_active THEN 'closed'
                   ELSE CASE WHEN firebase_uid IS NULL THEN '' WHEN firebase_uid = id::text THEN 'moved_' ELSE 'linked_' END
                        || CASE WHEN email_verified THEN 'proven' ELSE 'unproven' END
               END AS situation
        FROM auth.users
        WHERE lower(email) = lower($2) AND NOT EXISTS (SELECT FROM known)
    ) AS judged
),
-- Judged again on the locked row: two accounts may race for one address, and the legacy service may just have replaced the hash.
held AS (
    SELECT person.id, person.password_hash, namesake.situation = ANY ($15::text[]) AS changes
    FROM auth.users AS person JOIN namesake ON namesake.id = person.id
    WHERE namesake.may_link AND person.firebase_uid IS NULL AND person.is_active
    FOR UPDATE OF person
),
set_aside AS (
    INSERT INTO auth.set_aside_hashes (user_id, password_hash, reason)
    SELECT id, password_hash, 'address_proven' FROM held WHERE changes
    ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, set_aside_at = excluded.set_aside_at
),
linked AS (
    UPDATE auth.users AS person
    SET firebase_uid = $1,
        firebase_issuer = $17,
        auth_provider = CASE WHEN held.changes THEN 'firebase' ELSE 'hybrid' END,
        password_hash = CASE WHEN NOT held.changes THEN person.password_hash END,
        email_verified = true,
        valid_since = CASE WHEN held.changes THEN $6 ELSE person.valid_since END,
        display_name = coalesce(person.display_name, $4),
        photo_url = coalesce(person.photo_url, $5),
        last_login = greatest(person.last_login, $6),
        last_firebase_sync = now(),
        federation_status = 'active'
    FROM held
    WHERE person.id = held.id
    RETURNING person.*
),
-- The row stays with its account, its ledger and everything else. Locked and judged again, as above.
lost AS (
    UPDATE auth.users AS person
    SET email = NULL
    FROM namesake
    WHERE person.id = namesake.id AND namesake.loses
      AND lower(person.email) = lower($2) AND person.firebase_uid IS NOT NULL AND person.is_active AND NOT person.email_verified
    RETURNING person.id
),
-- Once for each person who has proven an address or a phone number, over all of their rows.
welcome AS (
    SELECT CASE WHEN $18::bytea IS NULL THEN 0 ELSE $8::integer END AS tokens
    WHERE NOT EXISTS (SELECT FROM auth.welcome_grants WHERE person = $18::bytea)
),
created AS (
    INSERT INTO auth.users
        (id, firebase_uid, firebase_issuer, email, email_verified, display_name, photo_url, auth_provider, last_login, last_firebase_sync,
         -- The account may have been another's before this sign-in proved its address: the earlier user's tokens open nothing.
         valid_since, token_balance, ledger_version)
    SELECT $7, $1, $17, $2, $3, $4, $5, 'firebase', $6, now(), CASE WHEN $3 THEN $6 END,
           coalesce((SELECT tokens FROM welcome), 0), coalesce((SELECT tokens > 0 FROM welcome), false)::integer
    WHERE NOT EXISTS (SELECT FROM known)
      AND (SELECT count(*) FROM namesake) = (SELECT count(*) FROM lost)
    ON CONFLICT DO NOTHING
    RETURNING *
),
-- Without ON CONFLICT: if the person gets the welcome elsewhere at this moment, the statement is undone, and the caller looks again.
claimed AS (
    INSERT INTO auth.welcome_grants (person, user_id, granted)
    SELECT $18::bytea, id, token_balance > 0 FROM created
    WHERE $18::bytea IS NOT NULL AND EXISTS (SELECT FROM welcome)
),
granted AS (
    INSERT INTO auth.token_transfers
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller, idempotency_key,
         request_hash)
    SELECT id, 1, 'welcome', 'system:issued', 'user:' || id::text, token_balance, token_balance, 'welcome', 'origin', $9, $10
    FROM created
    WHERE token_balance > 0
),
noted AS (
    INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id, details)
    SELECT 'user.created', 'user', id, $11::text::inet, $12, $13 FROM created
    UNION ALL
    SELECT 'user.linked', 'user', id, $11::text::inet, $12, $13 FROM linked
    UNION ALL
    SELECT 'ownership.changed', 'user', id, $11::text::inet, $12,
           $13::jsonb || '{"by": "link", "legacy_password": "set_aside"}'::jsonb FROM held WHERE changes
    UNION ALL
    SELECT 'address.lost', 'origin', id, $11::text::inet, $12, '{"by": "proof"}'::jsonb FROM lost
)
SELECT outcome,
       id, firebase_uid, email, username, display_name, user_type, is_active, token_balance, auth_provider, email_verified,
       photo_url, last_login, created_at, updated_at, valid_since, firebase_issuer
FROM (
    SELECT 'known' AS outcome, * FROM known
    UNION ALL
    SELECT 'linked', * FROM linked
    UNION ALL
    SELECT 'created', * FROM created
    UNION ALL
    SELECT CASE WHEN namesake.enabled THEN 'conflict' ELSE 'disabled' END, person.*
    FROM namesake JOIN auth.users AS person ON person.id = namesake.id
    WHERE NOT namesake.may_link AND NOT namesake.loses
) AS answer
