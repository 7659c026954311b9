-- mode: batched
-- Whoever has an account with a proven address has had their welcome, or came from the legacy service and gets none. Called with the last
-- id done and the batch size until it returns no row; may be repeated from anywhere.
WITH batch AS (
    SELECT id, email, email_verified FROM auth.users WHERE id > $1 ORDER BY id LIMIT $2
),
noted AS (
    INSERT INTO auth.welcome_grants (person, user_id, granted)
    SELECT auth.person_of_address(email), id, EXISTS (
        SELECT FROM auth.token_transfers WHERE user_id = batch.id AND kind = 'welcome'
    )
    FROM batch
    WHERE email_verified AND email IS NOT NULL
    ON CONFLICT DO NOTHING
)
SELECT id FROM batch ORDER BY id DESC LIMIT 1;
