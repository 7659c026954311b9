-- Whose account at Firebase has not yet been told what the row says of their right to act. Written by a trigger in the very
-- transaction that changes the row, whoever changes it, so that no change can be lost on the way to Firebase.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

CREATE TABLE auth.standing_pushes (
    -- Whose. No foreign key: a row that is gone owes nothing, and a lease must not lock auth.users.
    user_id uuid NOT NULL,
    -- Whether the account is to be disabled or enabled, too; else only sign-ins so far are void. An account that somebody
    -- disabled at Firebase must not be enabled because its holder signs out.
    switches boolean NOT NULL,
    -- In which transaction it was last changed: what is changed again while Firebase is told is told again.
    wanted_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- Two tellers at once could arrive in the wrong order.
    leased_until timestamptz,
    attempts bigint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    CONSTRAINT standing_pushes_pkey PRIMARY KEY (user_id),
    CONSTRAINT standing_pushes_attempts_check CHECK (attempts >= 0),
    CONSTRAINT standing_pushes_text_check CHECK (char_length(last_error) BETWEEN 1 AND 64)
);

-- SECURITY DEFINER: the legacy service's role may deactivate people and has no right on this table.
CREATE FUNCTION auth.note_standing_push() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    INSERT INTO auth.standing_pushes AS known (user_id, switches)
    VALUES (NEW.id, NEW.is_active <> OLD.is_active OR NEW.firebase_uid IS DISTINCT FROM OLD.firebase_uid)
    ON CONFLICT (user_id) DO UPDATE
    SET switches = known.switches OR excluded.switches, wanted_in = pg_current_xact_id(), attempts = 0, next_attempt_at = now();
    RETURN NULL;
END
$function$;

-- Last, because from here to the commit writers of auth.users wait. The second line: somebody was deactivated while they were
-- being linked to an account made a moment before.
CREATE TRIGGER users_standing_push AFTER UPDATE OF is_active, valid_since, firebase_uid ON auth.users
    FOR EACH ROW WHEN (
        NEW.firebase_uid IS NOT NULL AND (
            NEW.is_active <> OLD.is_active
            OR NEW.valid_since IS DISTINCT FROM OLD.valid_since
            OR (NEW.firebase_uid IS DISTINCT FROM OLD.firebase_uid AND NOT NEW.is_active AND NEW.federation_status <> 'disabled')
        )
    )
    EXECUTE FUNCTION auth.note_standing_push();
