-- Firebase is to be told of a role as of a standing: when somebody's changes, or when somebody who has one is linked. Users without a
-- role need no telling: a token that names none is a user's.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- SECURITY DEFINER: the legacy service's role may change roles and has no right on this table.
CREATE FUNCTION auth.note_role_push() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    INSERT INTO auth.standing_pushes (user_id, switches) VALUES (NEW.id, false)
    ON CONFLICT (user_id) DO UPDATE SET wanted_in = pg_current_xact_id(), attempts = 0, next_attempt_at = now();
    RETURN NULL;
END
$function$;

-- Last, because from here to the commit writers of auth.users wait.
CREATE TRIGGER users_role_push AFTER UPDATE OF user_type, firebase_uid ON auth.users
    FOR EACH ROW WHEN (
        NEW.firebase_uid IS NOT NULL AND (
            NEW.user_type <> OLD.user_type
            OR (NEW.firebase_uid IS DISTINCT FROM OLD.firebase_uid AND NEW.user_type <> 'user')
        )
    )
    EXECUTE FUNCTION auth.note_role_push();
