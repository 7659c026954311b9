-- Takes users whose last attempt failed or was interrupted and who are due again.
--
-- $1 how many, $2 the accounts' issuer as rows carry it
WITH next AS (
    SELECT person.id
    FROM auth.users AS person
    LEFT JOIN auth.user_syncs AS sync ON sync.user_id = person.id
    WHERE person.federation_status IN ('failed', 'syncing')
      AND person.firebase_uid IS NOT NULL
      AND person.firebase_issuer = $2
      AND person.is_active
      AND coalesce(sync.next_attempt_at <= now(), true)
      -- While a notification of Firebase is pending, its state is older than the row.
      AND NOT EXISTS (SELECT FROM auth.standing_pushes AS push WHERE push.user_id = person.id)
    ORDER BY sync.next_attempt_at NULLS FIRST, person.id
    LIMIT $1
    FOR UPDATE OF person SKIP LOCKED
),
claimed AS (
    UPDATE auth.users AS person
    SET federation_status = 'syncing'
    FROM next
    WHERE person.id = next.id
    RETURNING person.id, person.firebase_uid
),
counted AS (
    INSERT INTO auth.user_syncs AS known (user_id, attempts, next_attempt_at)
    SELECT id, 1, now() + interval '1 minute' FROM claimed
    ON CONFLICT (user_id) DO UPDATE
    SET attempts = known.attempts + 1,
        next_attempt_at = now() + least(interval '1 minute' * 2 ^ least(known.attempts, 11), interval '1 day')
)
SELECT id, firebase_uid FROM claimed
