-- An address that the legacy service, or an administrator, writes into a row is nobody's word but theirs: not proven, and Firebase is
-- to be told of a linked row's, as of a standing. Whatever this service writes by Firebase's word moves `last_firebase_sync` in the same statement.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- Whether the account is to get the row's address.
ALTER TABLE auth.standing_pushes ADD COLUMN moves_address boolean NOT NULL DEFAULT false;

CREATE FUNCTION auth.unprove_address() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    NEW.email_verified := false;
    RETURN NEW;
END
$function$;

-- SECURITY DEFINER: the legacy service's role may change addresses and has no right on this table.
CREATE FUNCTION auth.note_address_push() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    INSERT INTO auth.standing_pushes (user_id, switches, moves_address) VALUES (NEW.id, false, true)
    ON CONFLICT (user_id) DO UPDATE
    SET moves_address = true, wanted_in = pg_current_xact_id(), attempts = 0, next_attempt_at = now();
    RETURN NULL;
END
$function$;

-- Last, because from here to the commit writers of auth.users wait. A row that loses its address keeps its account's as it is.
CREATE TRIGGER users_address_unproven BEFORE UPDATE OF email ON auth.users
    FOR EACH ROW WHEN (
        NEW.email IS DISTINCT FROM OLD.email
        AND NEW.last_firebase_sync IS NOT DISTINCT FROM OLD.last_firebase_sync
    )
    EXECUTE FUNCTION auth.unprove_address();
CREATE TRIGGER users_address_push AFTER UPDATE OF email ON auth.users
    FOR EACH ROW WHEN (
        NEW.firebase_uid IS NOT NULL AND NEW.is_active AND NEW.email IS NOT NULL
        AND lower(NEW.email) IS DISTINCT FROM lower(OLD.email)
        AND NEW.last_firebase_sync IS NOT DISTINCT FROM OLD.last_firebase_sync
    )
    EXECUTE FUNCTION auth.note_address_push();
