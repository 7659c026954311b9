-- Sets the hash of a linked row aside and audits it. One affected row: a hash that counted no longer does.
--
-- $1 user, $2 reason
WITH held AS (
    SELECT id, password_hash FROM auth.users WHERE id = $1 AND firebase_uid IS NOT NULL AND password_hash IS NOT NULL FOR UPDATE
),
kept AS (
    INSERT INTO auth.set_aside_hashes (user_id, password_hash, reason)
    SELECT id, password_hash, $2::text FROM held
    ON CONFLICT (user_id) DO UPDATE
    SET password_hash = excluded.password_hash, reason = excluded.reason, set_aside_at = excluded.set_aside_at
),
-- A hash that waits for confirmation never counts again: the permanent reason replaces the temporary one.
lasting AS (
    UPDATE auth.set_aside_hashes SET reason = $2
    WHERE user_id = $1 AND $2 = 'second_factor' AND NOT EXISTS (SELECT FROM held)
),
changed AS (
    UPDATE auth.users AS person
    SET password_hash = NULL, auth_provider = 'firebase', provider_data = person.provider_data - 'password'
    FROM held
    WHERE person.id = held.id
    RETURNING person.id
)
INSERT INTO auth.auth_events (kind, actor, user_id, details)
SELECT 'password.set_aside', 'origin', id, jsonb_build_object('reason', $2::text) FROM changed
