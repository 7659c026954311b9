-- Takes users who were not compared with Firebase since a moment. Should the process die, they are due again in a minute.
--
-- $1 the moment, $2 how many, $3 the accounts' issuer as rows carry it
WITH next AS (
    SELECT id
    FROM auth.users
    WHERE firebase_uid IS NOT NULL
      AND firebase_issuer = $3
      AND is_active
      AND federation_status IN ('active', 'disabled')
      AND coalesce(last_firebase_sync < $1, true)
    ORDER BY id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
),
claimed AS (
    UPDATE auth.users AS person
    SET federation_status = 'syncing'
    FROM next
    WHERE person.id = next.id
    RETURNING person.id, person.firebase_uid
),
counted AS (
    INSERT INTO auth.user_syncs (user_id, attempts, next_attempt_at)
    SELECT id, 0, now() + interval '1 minute' FROM claimed
    ON CONFLICT (user_id) DO NOTHING
)
SELECT id, firebase_uid FROM claimed
