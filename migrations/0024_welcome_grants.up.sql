-- Welcome tokens once for each proven person, whichever rows they have had. Metadata and new tables only: no scan, no rewrite.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- Who has had their welcome, by what proves them: the SHA-256 of a verified address or of a phone number. Kept when an account is closed,
-- without the address; docs/LEDGER.md says what that is worth.
CREATE TABLE auth.welcome_grants (
    person bytea NOT NULL,
    -- For which row. No foreign key: the welcome outlives the row.
    user_id uuid NOT NULL,
    -- false: nothing was given, because the row had its welcome for another address, or came from the legacy service.
    granted boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT welcome_grants_pkey PRIMARY KEY (person),
    CONSTRAINT welcome_grants_person_check CHECK (octet_length(person) = 32)
);

-- Whose address was proven and is yet to be looked at: written in the transaction that proves it, whoever writes it.
CREATE TABLE auth.welcome_dues (
    user_id uuid NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT welcome_dues_pkey PRIMARY KEY (user_id)
);

-- The one spelling of what an address stands for: domain/welcome.rs computes the same.
CREATE FUNCTION auth.person_of_address(address text) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.sha256(pg_catalog.convert_to('email:' || pg_catalog.lower(address), 'UTF8'));

-- SECURITY DEFINER: other services' roles may write auth.users and have no right on these tables.
CREATE FUNCTION auth.note_welcome_due() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    INSERT INTO auth.welcome_dues (user_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$function$;

-- A release of before, which may run beside this one, makes rows with their welcome and does not say for whom.
CREATE FUNCTION auth.note_welcome() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    INSERT INTO auth.welcome_grants (person, user_id, granted)
    VALUES (auth.person_of_address(NEW.email), NEW.id, NEW.token_balance > 0)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$function$;

-- Last, because from here to the commit writers of auth.users wait.
CREATE TRIGGER users_address_proven AFTER UPDATE OF email, email_verified ON auth.users
    FOR EACH ROW WHEN (
        NEW.email_verified AND NEW.email IS NOT NULL
        AND (NOT OLD.email_verified OR NEW.email IS DISTINCT FROM OLD.email)
    )
    EXECUTE FUNCTION auth.note_welcome_due();
CREATE TRIGGER users_created_proven AFTER INSERT ON auth.users
    FOR EACH ROW WHEN (NEW.email_verified AND NEW.email IS NOT NULL)
    EXECUTE FUNCTION auth.note_welcome();
