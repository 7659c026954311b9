-- The token ledger. From the moment this commits, no change of auth.users.token_balance goes unrecorded, whoever makes it.
--
-- users.ledger_version is how the two kinds of writer are told apart. The ledger raises it in the same UPDATE that moves the
-- balance and writes its own transfer; a writer that knows nothing of it leaves it alone, which is what the trigger's WHEN
-- clause sees. The ledger's own path therefore pays for a comparison, not for a function call, and fits in one statement.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- Tokens set aside for work that may fail: they have left the person's balance and are not spent yet.
CREATE TABLE auth.token_holds (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    amount bigint NOT NULL,
    state text NOT NULL DEFAULT 'reserved',
    captured_amount bigint NOT NULL DEFAULT 0,
    caller text NOT NULL,
    reason text NOT NULL,
    reference text,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    settled_at timestamptz,
    CONSTRAINT token_holds_pkey PRIMARY KEY (id),
    CONSTRAINT token_holds_amount_check CHECK (amount > 0),
    CONSTRAINT token_holds_state_check CHECK (state IN ('reserved', 'captured', 'released', 'expired')),
    CONSTRAINT token_holds_captured_check
        CHECK (captured_amount BETWEEN 0 AND amount AND (captured_amount > 0) = (state = 'captured')),
    CONSTRAINT token_holds_settled_check CHECK ((settled_at IS NULL) = (state = 'reserved')),
    CONSTRAINT token_holds_expiry_check CHECK (expires_at > created_at),
    CONSTRAINT token_holds_text_check CHECK (
        char_length(caller) BETWEEN 1 AND 100
        AND char_length(reason) BETWEEN 1 AND 100
        AND char_length(reference) BETWEEN 1 AND 255
    )
);
CREATE INDEX idx_token_holds_reserved ON auth.token_holds (user_id) WHERE state = 'reserved';
CREATE INDEX idx_token_holds_expiry ON auth.token_holds (expires_at) WHERE state = 'reserved';

-- One movement of tokens, from debit_account to credit_account. Never changed, never deleted.
CREATE TABLE auth.token_transfers (
    id bigint GENERATED ALWAYS AS IDENTITY,
    -- Whose account this belongs to. No foreign key: the ledger outlives the person's row.
    user_id uuid NOT NULL,
    -- Place in this person's sequence: 0 is what they had when the ledger met them, then 1, 2, 3 without a gap.
    version bigint NOT NULL,
    kind text NOT NULL,
    debit_account text NOT NULL,
    credit_account text NOT NULL,
    amount bigint NOT NULL,
    -- The person's balance once this version had happened.
    balance_after bigint NOT NULL,
    reason text NOT NULL,
    reference text,
    hold_id uuid,
    -- Who asked: a service's name, 'origin' for what the service does by itself, or the database role of an outside writer.
    caller text NOT NULL,
    idempotency_key text,
    -- SHA-256 of what was asked under this key; the same key with another hash is a mistake of the caller.
    request_hash bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT token_transfers_pkey PRIMARY KEY (id),
    CONSTRAINT token_transfers_version_check CHECK (version >= 0),
    CONSTRAINT token_transfers_kind_check CHECK (
        kind IN ('opening', 'welcome', 'credit', 'debit', 'reserve', 'capture', 'release', 'external', 'closing')
    ),
    CONSTRAINT token_transfers_amount_check CHECK (amount > 0),
    CONSTRAINT token_transfers_balance_check CHECK (balance_after >= 0),
    -- Tokens come from somewhere and go somewhere else; one side is the person or one of their holds.
    CONSTRAINT token_transfers_accounts_check CHECK (
        debit_account <> credit_account
        AND (
            debit_account = 'user:' || user_id::text
            OR credit_account = 'user:' || user_id::text
            OR debit_account = 'hold:' || hold_id::text
        ) IS TRUE
    ),
    CONSTRAINT token_transfers_text_check CHECK (
        char_length(debit_account) <= 150
        AND char_length(credit_account) <= 150
        AND char_length(reason) BETWEEN 1 AND 100
        AND char_length(reference) BETWEEN 1 AND 255
        AND char_length(caller) BETWEEN 1 AND 100
    ),
    CONSTRAINT token_transfers_idempotency_check CHECK (
        (idempotency_key IS NULL) = (request_hash IS NULL)
        AND char_length(idempotency_key) BETWEEN 1 AND 255
        AND octet_length(request_hash) = 32
    ),
    CONSTRAINT token_transfers_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES auth.token_holds (id)
);
-- No gap and no fork in anyone's sequence; also the order in which history is paged.
CREATE UNIQUE INDEX token_transfers_user_version_key ON auth.token_transfers (user_id, version);
-- One effect for one key of one caller, however many replicas and retries.
CREATE UNIQUE INDEX token_transfers_idempotency_key
    ON auth.token_transfers (caller, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- The welcome grant happens once in a lifetime.
CREATE UNIQUE INDEX token_transfers_welcome_key ON auth.token_transfers (user_id) WHERE kind = 'welcome';
CREATE INDEX idx_token_transfers_hold ON auth.token_transfers (hold_id) WHERE hold_id IS NOT NULL;

CREATE FUNCTION auth.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Corrections are new rows.';
END
$function$;

-- For each statement, so that a statement which would touch no row is refused as well, and ON CONFLICT DO UPDATE too.
CREATE TRIGGER token_transfers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON auth.token_transfers
    FOR EACH STATEMENT EXECUTE FUNCTION auth.refuse_change();
CREATE TRIGGER token_holds_keep BEFORE DELETE OR TRUNCATE ON auth.token_holds
    FOR EACH STATEMENT EXECUTE FUNCTION auth.refuse_change();
-- A hold is settled once, and only its settlement may be written.
CREATE TRIGGER token_holds_settle_once BEFORE UPDATE ON auth.token_holds
    FOR EACH ROW WHEN (
        OLD.state <> 'reserved'
        OR ROW (OLD.id, OLD.user_id, OLD.amount, OLD.caller, OLD.reason, OLD.reference, OLD.created_at, OLD.expires_at)
            IS DISTINCT FROM
            ROW (NEW.id, NEW.user_id, NEW.amount, NEW.caller, NEW.reason, NEW.reference, NEW.created_at, NEW.expires_at)
    ) EXECUTE FUNCTION auth.refuse_change();

-- SECURITY DEFINER throughout: the legacy service's role may change a balance but has no right on the ledger's tables, and
-- its UPDATE must not start to fail. The fixed search_path keeps a caller from putting its own objects in the way.
CREATE FUNCTION auth.record_external_movement() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    account constant text := 'user:' || NEW.id::text;
    moved constant bigint := NEW.token_balance::bigint - OLD.token_balance;
BEGIN
    NEW.ledger_version := OLD.ledger_version + 1;
    INSERT INTO auth.token_transfers
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, reference, caller)
    VALUES (
        NEW.id, NEW.ledger_version, 'external',
        CASE WHEN moved > 0 THEN 'system:external' ELSE account END,
        CASE WHEN moved > 0 THEN account ELSE 'system:external' END,
        abs(moved), NEW.token_balance, 'balance written outside the ledger',
        nullif(current_setting('application_name'), ''), session_user
    );
    RETURN NEW;
END
$function$;

-- AFTER, unlike the one for updates: a BEFORE INSERT trigger also runs for a row that ON CONFLICT then does not insert.
CREATE FUNCTION auth.record_external_opening() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    INSERT INTO auth.token_transfers
        (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, reference, caller)
    VALUES (
        NEW.id, 0, 'external', 'system:external', 'user:' || NEW.id::text, NEW.token_balance, NEW.token_balance,
        'row inserted outside the ledger', nullif(current_setting('application_name'), ''), session_user
    );
    RETURN NULL;
END
$function$;

-- A deleted person's tokens leave the ledger visibly, so that every account without a person sums to zero.
CREATE FUNCTION auth.close_ledger_account() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    last_version bigint := OLD.ledger_version;
    hold record;
BEGIN
    FOR hold IN SELECT id, amount FROM auth.token_holds WHERE user_id = OLD.id AND state = 'reserved' ORDER BY id FOR UPDATE LOOP
        last_version := last_version + 1;
        INSERT INTO auth.token_transfers
            (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, hold_id, caller)
        VALUES (OLD.id, last_version, 'closing', 'hold:' || hold.id::text, 'system:external', hold.amount, OLD.token_balance,
                'person deleted', hold.id, session_user);
        UPDATE auth.token_holds SET state = 'released', settled_at = now() WHERE id = hold.id;
    END LOOP;
    IF OLD.token_balance > 0 THEN
        INSERT INTO auth.token_transfers
            (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller)
        VALUES (OLD.id, last_version + 1, 'closing', 'user:' || OLD.id::text, 'system:external', OLD.token_balance, 0,
                'person deleted', session_user);
    END IF;
    RETURN NULL;
END
$function$;

-- Last, because from here to the commit writers of auth.users wait.
ALTER TABLE auth.users ADD COLUMN IF NOT EXISTS ledger_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN auth.users.ledger_version IS
    'Version of the last transfer of this person; raised by the ledger with every movement, by nobody else';
CREATE TRIGGER users_external_movement BEFORE UPDATE ON auth.users
    FOR EACH ROW WHEN (
        NEW.token_balance <> OLD.token_balance
        AND NEW.ledger_version = OLD.ledger_version
        AND NEW.token_balance >= 0 -- below zero the table's own check refuses the row, under the name its writers know
    )
    EXECUTE FUNCTION auth.record_external_movement();
CREATE TRIGGER users_external_opening AFTER INSERT ON auth.users
    FOR EACH ROW WHEN (NEW.token_balance > 0 AND NEW.ledger_version = 0)
    EXECUTE FUNCTION auth.record_external_opening();
CREATE TRIGGER users_ledger_closing AFTER DELETE ON auth.users
    FOR EACH ROW EXECUTE FUNCTION auth.close_ledger_account();
