-- Makes users local again, voids their sign-ins and audits it. Only users whom a user import linked (their uid is their id), and without a
-- lease of another process.
--
-- $1 holder, $2 one user or NULL, $3 how many, $4 seconds, $5 whether the accounts are kept, $6 actor
--
-- The sign-ins are voided because a token of the account stays good for an hour, and would link the row again.
WITH next AS (
    SELECT person.id
    FROM auth.users AS person
    LEFT JOIN auth.user_migrations AS migration ON migration.user_id = person.id
    WHERE person.auth_provider = 'hybrid'
      AND person.firebase_uid = person.id::text
      AND ($2::uuid IS NULL OR person.id = $2)
      AND coalesce(migration.lease_until < now(), true)
    ORDER BY person.id
    LIMIT $3
    FOR UPDATE OF person SKIP LOCKED
),
leased AS (
    INSERT INTO auth.user_migrations AS known (user_id, state, result, leased_by, lease_until)
    SELECT id,
           CASE WHEN $5 THEN 'unlinked' ELSE 'unlinking' END,
           CASE WHEN $5 THEN 'kept' END,
           CASE WHEN NOT $5 THEN $1 END,
           CASE WHEN NOT $5 THEN now() + make_interval(secs => $4) END
    FROM next
    ON CONFLICT (user_id) DO UPDATE
    SET state = excluded.state, result = excluded.result, leased_by = excluded.leased_by,
        lease_until = excluded.lease_until, attempts = 0, updated_at = now()
    WHERE coalesce(known.lease_until < now(), true)
    RETURNING user_id
),
unlinked AS (
    UPDATE auth.users AS person
    SET firebase_uid = NULL,
        firebase_issuer = '',
        auth_provider = 'local',
        federation_status = 'active',
        provider_data = person.provider_data - 'password',
        valid_since = date_trunc('second', now())
    FROM leased
    WHERE person.id = leased.user_id
    RETURNING person.id
),
noted AS (
    INSERT INTO auth.auth_events (kind, actor, user_id, details)
    SELECT 'user.unlinked', $6, id, jsonb_build_object('account', CASE WHEN $5 THEN 'kept' ELSE 'deleted' END) FROM unlinked
)
SELECT id FROM unlinked
