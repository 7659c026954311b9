-- Changes of ownership that the operator's mailer has not been told yet. Written by a trigger in the very transaction that notes the
-- change, so that none is lost on the way; a notice leaves when it was taken, or after a week.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

CREATE TABLE auth.ownership_notices (
    -- In auth.auth_events, which says what changed, whose and when. No foreign key: old events may be deleted.
    event_id bigint NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    -- Later than the attempt that is running can take, so that nobody else makes it as well.
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    CONSTRAINT ownership_notices_pkey PRIMARY KEY (event_id),
    CONSTRAINT ownership_notices_attempts_check CHECK (attempts >= 0),
    CONSTRAINT ownership_notices_text_check CHECK (char_length(last_error) BETWEEN 1 AND 64)
);

CREATE FUNCTION auth.note_ownership_notice() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    INSERT INTO auth.ownership_notices (event_id) VALUES (NEW.id);
    RETURN NULL;
END
$function$;

CREATE TRIGGER auth_events_ownership_notice AFTER INSERT ON auth.auth_events
    FOR EACH ROW WHEN (NEW.kind = 'ownership.changed' AND NEW.user_id IS NOT NULL)
    EXECUTE FUNCTION auth.note_ownership_notice();
