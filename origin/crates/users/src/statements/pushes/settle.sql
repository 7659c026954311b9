-- Records that Firebase was notified of one transaction's request. Answers the user unless another request is pending by now.
--
-- $1 the user, $2 the transaction
--
-- Locks in the order of a change: the user, then the pending notification.
WITH person AS (
    SELECT id, is_active, federation_status FROM auth.users WHERE id = $1 FOR UPDATE
),
told AS (
    DELETE FROM auth.standing_pushes AS push
    USING person
    WHERE push.user_id = person.id AND push.wanted_in = $2::text::xid8
    RETURNING push.user_id, push.switches
),
paid AS (
    DELETE FROM auth.user_syncs AS sync USING told WHERE sync.user_id = told.user_id
),
known AS (
    SELECT person.id,
           CASE
               WHEN NOT person.is_active THEN 'disabled'
               -- Another client disabled the account at Firebase: ending sessions does not change that.
               WHEN person.federation_status = 'disabled' AND NOT told.switches THEN 'disabled'
               ELSE 'active'
           END AS status
    FROM person JOIN told ON told.user_id = person.id
),
noted AS (
    UPDATE auth.users AS person
    SET federation_status = known.status
    FROM known
    WHERE person.id = known.id AND person.federation_status <> known.status
)
SELECT user_id FROM told
