-- Removes the notifications that the triggers of an erasure left for an account that is gone. Triggers run after their statement, hence
-- this second one.
--
-- $1 user
WITH sync AS (DELETE FROM auth.user_syncs WHERE user_id = $1)
DELETE FROM auth.standing_pushes WHERE user_id = $1
