-- The last step of an erasure, after the account at Firebase is gone. Answers whether there was anything left to erase.
--
-- $1 user, $2 actor
--
-- The row stays, without the user's data: the ledger's movements name it. Its uid stays too: tokens of the account may live for days, and
-- without the uid their holder would count as a new user. A user without an account gets the uid that a move would have given, because a
-- row must have an address or a uid.
WITH present AS (
    SELECT id, token_balance, ledger_version,
           email IS NOT NULL OR username IS NOT NULL OR password_hash IS NOT NULL OR display_name IS NOT NULL
           OR photo_url IS NOT NULL OR provider_data <> '{}' OR last_login IS NOT NULL AS has_data
    FROM auth.users WHERE id = $1 FOR UPDATE
),
erased AS (
    UPDATE auth.users AS person
    SET email = NULL,
        username = NULL,
        password_hash = NULL,
        display_name = NULL,
        photo_url = NULL,
        provider_data = '{}',
        email_verified = false,
        user_type = 'user',
        is_active = false,
        last_login = NULL,
        last_firebase_sync = NULL,
        firebase_uid = coalesce(person.firebase_uid, person.id::text),
        auth_provider = 'firebase',
        federation_status = 'disabled',
        token_balance = 0,
        ledger_version = present.ledger_version + (present.token_balance > 0)::integer
    FROM present
    WHERE person.id = present.id
    RETURNING person.id, person.ledger_version, present.token_balance AS had, present.has_data
),
emptied AS (
    INSERT INTO auth.token_transfers
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller)
    SELECT id, ledger_version, 'closing', 'user:' || id::text, 'system:external', had, 0, 'account erased', 'origin'
    FROM erased
    WHERE had > 0
),
profile AS (DELETE FROM auth.user_profiles USING erased WHERE user_id = erased.id),
migration AS (DELETE FROM auth.user_migrations USING erased WHERE user_id = erased.id),
hash AS (DELETE FROM auth.set_aside_hashes USING erased WHERE user_id = erased.id),
noted AS (
    INSERT INTO auth.auth_events (kind, actor, user_id) SELECT 'user.erased', $2, id FROM erased WHERE has_data
)
SELECT has_data FROM erased
