-- Closes an account: the user's data is deleted, the ledger stays. Answers the account's address and the time, or no row when there is no
-- account to close.
--
-- $1 user, $2 actor, $3 source address, $4 request id
--
-- The address is renamed, as the legacy service does it, to free it for a new account, and kept until `origin users erase` for questions
-- that come up later. The username is freed at once: the legacy service keeps it, and no other user could ever have it. The rest of the
-- balance leaves the ledger by a transfer.
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
