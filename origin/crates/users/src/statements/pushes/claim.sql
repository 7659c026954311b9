-- Takes pending notifications: of one user, due or not, or those that are due. Each counts as an attempt, and is due again after a pause
-- that doubles, from a minute to a day.
--
-- $1 the user or NULL, $2 how many, $3 seconds
--
-- A later statement reads the row: this statement would pair a change that commits while it runs with the old row, and the change would
-- count as notified.
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
