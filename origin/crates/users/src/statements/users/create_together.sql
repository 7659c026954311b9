-- Creates the rows of new users, with their welcome tokens and their audit events, in one round trip. Answers the created rows. A user who
-- is missing has a row, or shares an address with another user: first_sight.sql finds out which.
--
-- Arrays, one element a user: $1 uid, $2 e-mail, $3 whether the sign-in proves the e-mail, $4 display name, $5 photo URL, $6 signed in at,
-- $7 id for the row, $8 welcome tokens, $9 the grant's key, $10 the grant's request hash, $11 source address, $12 request id,
-- $13 provider, $14 the uid's issuer as rows carry it, $15 who has proven to be who, or NULL
--
-- ON CONFLICT DO NOTHING without a target covers every unique index, lower(email) among them, and users of this very list too. In
-- the order of the uids: two such statements for the same users would otherwise wait for each other.
WITH asked AS (
    SELECT *
    FROM unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::text[], $6::timestamptz[], $7::uuid[], $8::integer[],
                $9::text[], $10::bytea[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bytea[])
         AS asked (uid, email, email_verified, display_name, photo_url, signed_in_at, id, tokens, grant_key, grant_hash,
                   source_ip, request_id, provider, issuer, person)
),
-- Once for each person who has proven an address or a phone number, over all of their rows.
welcome AS (
    SELECT asked.*,
           person IS NOT NULL AND NOT EXISTS (SELECT FROM auth.welcome_grants AS had WHERE had.person = asked.person) AS is_first
    FROM asked
),
created AS (
    INSERT INTO auth.users
        (id, firebase_uid, firebase_issuer, email, email_verified, display_name, photo_url, auth_provider, last_login, last_firebase_sync,
         -- The account may have been another's before this sign-in proved its address: the earlier user's tokens open nothing.
         valid_since, token_balance, ledger_version)
    SELECT id, uid, issuer, email, email_verified, display_name, photo_url, 'firebase', signed_in_at, now(),
           CASE WHEN email_verified THEN signed_in_at END,
           CASE WHEN is_first THEN tokens ELSE 0 END, (is_first AND tokens > 0)::integer
    FROM welcome
    ORDER BY uid, issuer
    ON CONFLICT DO NOTHING
    RETURNING *
),
-- Without ON CONFLICT: if a person gets the welcome elsewhere at this moment, or comes twice in this list, each user gets a statement of
-- their own.
claimed AS (
    INSERT INTO auth.welcome_grants (person, user_id, granted)
    SELECT person, id, token_balance > 0 FROM created JOIN welcome USING (id) WHERE is_first
),
granted AS (
    INSERT INTO auth.token_transfers
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller, idempotency_key,
         request_hash)
    SELECT id, 1, 'welcome', 'system:issued', 'user:' || id::text, tokens, tokens, 'welcome', 'origin', grant_key, grant_hash
    FROM created JOIN welcome USING (id)
    WHERE is_first AND tokens > 0
),
noted AS (
    INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id, details)
    SELECT 'user.created', 'user', id, source_ip::inet, request_id, jsonb_build_object('provider', provider)
    FROM created JOIN asked USING (id)
)
SELECT id, firebase_uid, email, username, display_name, user_type, is_active, token_balance, auth_provider, email_verified,
       photo_url, last_login, created_at, updated_at, valid_since, firebase_issuer
FROM created
