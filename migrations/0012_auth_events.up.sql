-- Who did what to whom, when and from where. One row an event, never changed, never deleted by the service.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

CREATE TABLE auth.auth_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT now(),
    -- What: a dotted name such as user.created, user.linked, user.deactivated, login.failed.
    kind text NOT NULL,
    -- Who: 'user', 'service:<name>', 'cli:<name>' or 'origin'.
    actor text NOT NULL,
    -- Whom it happened to; NULL when nobody was found. No foreign key: the trail outlives the row.
    user_id uuid,
    source_ip inet,
    request_id text,
    -- Facts of the event. A guard against the worst mistake, not a licence to write personal data here.
    details jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT auth_events_pkey PRIMARY KEY (id),
    CONSTRAINT auth_events_text_check CHECK (
        char_length(kind) BETWEEN 1 AND 64
        AND char_length(actor) BETWEEN 1 AND 128
        AND char_length(request_id) BETWEEN 1 AND 64
    ),
    CONSTRAINT auth_events_details_check CHECK (jsonb_typeof(details) = 'object' AND octet_length(details::text) <= 8192),
    CONSTRAINT auth_events_secret_check CHECK (
        NOT details ?| ARRAY['password', 'password_hash', 'newPassword', 'currentPassword', 'token', 'idToken', 'refreshToken',
                             'authorization', 'email']
    )
);
CREATE INDEX idx_auth_events_user ON auth.auth_events (user_id, id DESC) WHERE user_id IS NOT NULL;
CREATE INDEX idx_auth_events_at ON auth.auth_events (at);

CREATE TRIGGER auth_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON auth.auth_events
    FOR EACH STATEMENT EXECUTE FUNCTION auth.refuse_change();
