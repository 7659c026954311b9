-- Whose right to act changed last when: what the edge asks for every few seconds, so that it need not ask about everybody on every
-- request. One row a person, whoever changes them: the legacy service and administrators write auth.users as well.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

CREATE TABLE auth.standing_changes (
    -- Whose. No foreign key: a person who is gone has lost the right to act, and that is a change.
    user_id uuid NOT NULL,
    -- The uid by which tokens name them, or named them until this change.
    firebase_uid text,
    -- In which transaction. Unlike a sequence or a time this can be compared with what was still running when somebody last
    -- asked, so that a change that commits late is not passed over.
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT standing_changes_pkey PRIMARY KEY (user_id)
);
CREATE INDEX idx_standing_changes_changed_in ON auth.standing_changes (changed_in);

-- SECURITY DEFINER: the legacy service's role may deactivate people and has no right on this table.
CREATE FUNCTION auth.note_standing_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    INSERT INTO auth.standing_changes (user_id, firebase_uid) VALUES (OLD.id, OLD.firebase_uid)
    ON CONFLICT (user_id) DO UPDATE SET firebase_uid = excluded.firebase_uid, changed_in = pg_current_xact_id();
    RETURN NULL;
END
$function$;

-- Last, because from here to the commit writers of auth.users wait.
CREATE TRIGGER users_standing_changed AFTER UPDATE OF is_active, valid_since ON auth.users
    FOR EACH ROW WHEN (
        NEW.is_active <> OLD.is_active OR NEW.valid_since IS DISTINCT FROM OLD.valid_since
    )
    EXECUTE FUNCTION auth.note_standing_change();
CREATE TRIGGER users_standing_ended AFTER DELETE ON auth.users
    FOR EACH ROW EXECUTE FUNCTION auth.note_standing_change();
