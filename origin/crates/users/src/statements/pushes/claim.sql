-- Takes pushes: of one user whatever its time, or of those whose time has come. Each counts as an attempt, and is due again after
-- a pause that doubles, from a minute to a day.
--
-- $1 the user or NULL, $2 how many, $3 seconds
--
-- What the row says of them is read afterwards, in a later statement: a change that commits while this one runs would be taken
-- with the old row and count as told.
WITH next AS (
    SELECT user_id
    FROM auth.standing_pushes
    WHERE CASE WHEN $1::uuid IS NULL THEN next_attempt_at <= now() ELSE user_id = $1 END
      AND coalesce(leased_until < now(), true)
    ORDER BY next_attempt_at, user_id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
UPDATE auth.standing_pushes AS push
SET leased_until = now() + make_interval(secs => $3),
    attempts = push.attempts + 1,
    next_attempt_at = now() + least(interval '1 minute' * 2 ^ least(push.attempts, 11), interval '1 day')
FROM next
WHERE push.user_id = next.user_id
RETURNING push.user_id, push.switches, push.moves_address, push.wanted_in::text
