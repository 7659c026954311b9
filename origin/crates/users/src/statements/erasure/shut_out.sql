-- The first step of an erasure: from here on no caller acts as this user. Answers the uid at Firebase, NULL for none; no row when there is
-- no such user.
--
-- $1 user
WITH present AS (
    SELECT id, firebase_uid, is_active FROM auth.users WHERE id = $1 FOR UPDATE
),
out AS (
    UPDATE auth.users AS person
    SET is_active = false, valid_since = date_trunc('second', now())
    FROM present
    WHERE person.id = present.id AND present.is_active
)
SELECT firebase_uid FROM present
