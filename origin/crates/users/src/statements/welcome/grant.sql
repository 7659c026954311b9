-- The welcome of a user who has just proven their address, once for each person: claims the person and moves the tokens, or only claims the
-- person. Answers the row if tokens moved.
--
-- $1 user, $2 tokens, $3 the grant's key, $4 the grant's request hash
--
-- Two rows that race for one person meet at the primary key of welcome_grants: the second waits for the first and gets nothing. Two calls
-- for one row meet at its lock, and at the unique index of welcome transfers if one has granted meanwhile.
WITH due AS (
    SELECT id, email, token_balance
    FROM auth.users
    WHERE id = $1 AND email_verified AND email IS NOT NULL
    FOR UPDATE
),
claimed AS (
    INSERT INTO auth.welcome_grants (person, user_id, granted)
    SELECT auth.person_of_address(email), id,
           -- The legacy service gives its own users their first tokens: such a row has no event of a creation by this service.
           $2 > 0 AND token_balance::bigint + $2 <= 2147483647
           AND EXISTS (SELECT FROM auth.auth_events WHERE user_id = due.id AND kind = 'user.created')
           AND NOT EXISTS (SELECT FROM auth.token_transfers WHERE user_id = due.id AND kind = 'welcome')
    FROM due
    ON CONFLICT DO NOTHING
    RETURNING user_id, granted
),
moved AS (
    UPDATE auth.users AS person
    SET token_balance = person.token_balance + $2::integer, ledger_version = person.ledger_version + 1
    FROM claimed
    WHERE person.id = claimed.user_id AND claimed.granted
    RETURNING person.*
),
made AS (
    INSERT INTO auth.token_transfers
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller, idempotency_key,
         request_hash)
    SELECT id, ledger_version, 'welcome', 'system:issued', 'user:' || id::text, $2::integer, token_balance, 'welcome', 'origin', $3, $4
    FROM moved
),
settled AS (
    DELETE FROM auth.welcome_dues WHERE user_id = $1
)
SELECT id, firebase_uid, email, username, display_name, user_type, is_active, token_balance, auth_provider, email_verified,
       photo_url, last_login, created_at, updated_at, valid_since, firebase_issuer
FROM moved
