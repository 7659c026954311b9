-- mode: batched
-- Firebase is to be told of people who were deactivated before there was a trigger for that. Those whose account is disabled there
-- are known as such. Called with the last id done and the batch size until it returns no row; may be repeated from anywhere.
WITH batch AS (
    SELECT id, firebase_uid, is_active, federation_status FROM auth.users WHERE id > $1 ORDER BY id LIMIT $2
),
owed AS (
    INSERT INTO auth.standing_pushes (user_id, switches)
    SELECT id, true FROM batch WHERE firebase_uid IS NOT NULL AND NOT is_active AND federation_status <> 'disabled'
    ON CONFLICT (user_id) DO NOTHING
)
SELECT id FROM batch ORDER BY id DESC LIMIT 1;
