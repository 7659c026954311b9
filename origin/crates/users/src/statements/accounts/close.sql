-- Closes an account: the user's data goes, the ledger stays. Answers the address it had and when, or no row when there is
-- nobody to close.
--
-- $1 user, $2 actor, $3 source address, $4 request id
--
-- The address makes room for a new account, as the legacy service does it, and is kept to settle what comes up afterwards until
-- `origin users erase` lets go of it. The username is let go at once: the legacy service keeps it, and nobody could ever have it
-- again. What they had left leaves the ledger visibly.
WITH present AS (
    SELECT id, email, token_balance, ledger_version FROM auth.users WHERE id = $1 AND is_active FOR UPDATE
),
closed AS (
    UPDATE auth.users AS person
    SET email = left('deleted_' || (extract(epoch FROM clock_timestamp()) * 1000)::bigint || '_' || present.email, 255),
        username = NULL,
        display_name = NULL,
        photo_url = NULL,
        provider_data = '{}',
        email_verified = false,
        is_active = false,
        valid_since = date_trunc('second', now()),
        federation_status = CASE WHEN person.firebase_uid IS NULL THEN person.federation_status ELSE 'disabled' END,
        token_balance = 0,
        ledger_version = present.ledger_version + (present.token_balance > 0)::integer
    FROM present
    WHERE person.id = present.id
    RETURNING person.id, present.email AS original_email, present.token_balance AS had, person.ledger_version
),
emptied AS (
    INSERT INTO auth.token_transfers
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller)
    SELECT id, ledger_version, 'closing', 'user:' || id::text, 'system:external', had, 0, 'account closed', 'origin'
    FROM closed
    WHERE had > 0
),
forgotten AS (
    DELETE FROM auth.user_profiles USING closed WHERE user_id = closed.id
),
noted AS (
    INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id)
    SELECT 'user.closed', $2, id, $3::text::inet, $4 FROM closed
)
SELECT original_email, now() FROM closed
