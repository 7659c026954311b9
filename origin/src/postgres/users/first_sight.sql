-- First sight of a Firebase account: finds, links or creates the person, grants the welcome tokens and leaves the trail, in one
-- round trip. Answers one row, or none when another session got in between; the caller then looks again.
--
-- $1 uid, $2 e-mail, $3 whether the e-mail is verified, $4 display name, $5 photo URL, $6 signed in at, $7 id for a new row,
-- $8 welcome tokens, $9 the grant's key, $10 the grant's request hash, $11 source address, $12 request id, $13 details
--
-- ON CONFLICT DO NOTHING without a target covers every unique index: the same account arriving twice, and two accounts with
-- one address. With a target the other indexes would still raise 23505.
WITH known AS (
    SELECT * FROM auth.users WHERE firebase_uid = $1
),
-- The row that has the address already, if it is not this account's.
namesake AS (
    SELECT id,
           -- A sign-in from before the last revocation must not link: the account may have been unlinked since.
           is_active AND firebase_uid IS NULL AND $3 AND coalesce(valid_since <= $6, true) AS may_link,
           is_active OR NOT $3 AS enabled
    FROM auth.users
    WHERE lower(email) = lower($2) AND NOT EXISTS (SELECT FROM known)
),
linked AS (
    UPDATE auth.users AS person
    SET firebase_uid = $1,
        auth_provider = 'hybrid',
        email_verified = true,
        display_name = coalesce(person.display_name, $4),
        photo_url = coalesce(person.photo_url, $5),
        last_login = greatest(person.last_login, $6),
        last_firebase_sync = now(),
        federation_status = 'active'
    FROM namesake
    -- Looked at again on the locked row: two accounts may race for one address.
    WHERE person.id = namesake.id AND namesake.may_link AND person.firebase_uid IS NULL AND person.is_active
    RETURNING person.*
),
created AS (
    INSERT INTO auth.users
        (id, firebase_uid, email, email_verified, display_name, photo_url, auth_provider, last_login, last_firebase_sync,
         token_balance, ledger_version)
    SELECT $7, $1, $2, $3, $4, $5, 'firebase', $6, now(), $8::integer, ($8 > 0)::integer
    WHERE NOT EXISTS (SELECT FROM known) AND NOT EXISTS (SELECT FROM namesake)
    ON CONFLICT DO NOTHING
    RETURNING *
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
)
SELECT outcome,
       id, firebase_uid, email, username, display_name, user_type, is_active, token_balance, auth_provider, email_verified,
       photo_url, last_login, created_at, updated_at, valid_since
FROM (
    SELECT 'known' AS outcome, * FROM known
    UNION ALL
    SELECT 'linked', * FROM linked
    UNION ALL
    SELECT 'created', * FROM created
    UNION ALL
    SELECT CASE WHEN namesake.enabled THEN 'conflict' ELSE 'disabled' END, person.*
    FROM namesake JOIN auth.users AS person ON person.id = namesake.id
    WHERE NOT namesake.may_link
) AS answer
