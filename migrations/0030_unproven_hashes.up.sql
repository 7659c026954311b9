-- mode: batched
-- An earlier version linked rows to accounts that proved the address and left the legacy service's hash, of whoever registered the address
-- there, to open them. Every version that changes ownership notes of a linked row's hash which password it agrees with: a row without that
-- note is of before. Where its address is proven, nobody knows that the hash is the owner's: it is set aside until they confirm it, and
-- sign-ins so far are void. Where it is not, the next proof does so. Called with the last id done and the batch size until it returns no
-- row; may be repeated from anywhere.
WITH batch AS (
    SELECT id FROM auth.users WHERE id > $1 ORDER BY id LIMIT $2
),
held AS (
    SELECT person.id, person.password_hash
    FROM auth.users AS person JOIN batch ON batch.id = person.id
    WHERE person.auth_provider = 'hybrid'
      AND person.password_hash IS NOT NULL
      AND NOT person.provider_data ? 'password'
      AND person.email_verified
    ORDER BY person.id
    FOR UPDATE OF person
),
kept AS (
    INSERT INTO auth.set_aside_hashes (user_id, password_hash, reason)
    SELECT id, password_hash, 'address_proven' FROM held
    ON CONFLICT (user_id) DO NOTHING
),
changed AS (
    UPDATE auth.users AS person
    SET password_hash = NULL, auth_provider = 'firebase', valid_since = date_trunc('second', now())
    FROM held
    WHERE person.id = held.id
    RETURNING person.id
),
noted AS (
    INSERT INTO auth.auth_events (kind, actor, user_id, details)
    SELECT 'ownership.changed', 'origin', id, '{"by": "migration", "legacy_password": "set_aside"}' FROM changed
)
SELECT id FROM batch ORDER BY id DESC LIMIT 1;
