-- What the triggers of an erasure left to be told to an account that is gone. A statement of its own: triggers run after theirs.
--
-- $1 user
WITH sync AS (DELETE FROM auth.user_syncs WHERE user_id = $1)
DELETE FROM auth.standing_pushes WHERE user_id = $1
