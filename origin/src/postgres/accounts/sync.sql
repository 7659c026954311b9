-- Brings a row up to date with its Firebase account, and notes it. Answers the row, or none when there is no such person.
--
-- $1 user, $2 whether there is an account at all, $3 address, $4 whether it is verified, $5 display name, $6 photo URL,
-- $7 whether the account is disabled, $8 actor, $9 source address, $10 request id
WITH synced AS (
    UPDATE auth.users AS person
    SET federation_status = CASE WHEN NOT $2 THEN 'failed' WHEN $7 THEN 'disabled' ELSE 'active' END,
        last_firebase_sync = now(),
        email = CASE WHEN renamed.yes THEN $3 ELSE person.email END,
        email_verified = CASE
            WHEN $2 AND (renamed.yes OR lower(person.email) = lower($3)) THEN $4 ELSE person.email_verified
        END,
        display_name = CASE WHEN $2 THEN $5 ELSE person.display_name END,
        photo_url = CASE WHEN $2 THEN $6 ELSE person.photo_url END
    FROM (
        SELECT $4 AND NOT EXISTS (SELECT FROM auth.users WHERE lower(email) = lower($3)) AS yes
    ) AS renamed
    WHERE person.id = $1
    RETURNING person.*
),
noted AS (
    INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id, details)
    SELECT 'user.synced', $8, id, $9::text::inet, $10, jsonb_build_object('status', federation_status) FROM synced
)
SELECT id, firebase_uid, email, username, display_name, user_type, is_active, token_balance, auth_provider, email_verified,
       photo_url, last_login, created_at, updated_at, valid_since
FROM synced
