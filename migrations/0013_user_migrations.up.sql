-- How far each person is on the way to Firebase, and who is working on them just now. Nobody is imported, unlinked or moved at a
-- sign-in without holding the lease of their row: Firebase's import replaces an account without asking, so an import that
-- comes after a sign-in would bring an old password back.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

CREATE TABLE auth.user_migrations (
    -- Whose. No foreign key: what was done at Firebase outlives the row, and a lease must not lock auth.users.
    user_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    -- Place in the order in which people move, as the edge computes it; NULL until the bulk migration has looked at them.
    bucket bigint,
    -- Both or neither. A lease whose time is up belongs to nobody; that is how a process that dies lets go.
    leased_by text,
    lease_until timestamptz,
    attempts bigint NOT NULL DEFAULT 0,
    -- How it ended or why not yet: imported, found, withdrawn, or a code such as EMAIL_EXISTS.
    result text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_migrations_pkey PRIMARY KEY (user_id),
    CONSTRAINT user_migrations_state_check
        CHECK (state IN ('pending', 'done', 'failed', 'skipped', 'unlinking', 'unlinked')),
    CONSTRAINT user_migrations_bucket_check CHECK (bucket BETWEEN 0 AND 9999),
    CONSTRAINT user_migrations_lease_check CHECK ((leased_by IS NULL) = (lease_until IS NULL)),
    CONSTRAINT user_migrations_text_check CHECK (
        char_length(leased_by) BETWEEN 1 AND 64 AND char_length(result) BETWEEN 1 AND 64
    ),
    CONSTRAINT user_migrations_attempts_check CHECK (attempts >= 0)
);
CREATE INDEX idx_user_migrations_pending ON auth.user_migrations (bucket, user_id) WHERE state = 'pending';
CREATE INDEX idx_user_migrations_unlinking ON auth.user_migrations (user_id) WHERE state = 'unlinking';

-- When a person whose row could not be brought up to date with Firebase is looked at again. No row: nothing is owed.
CREATE TABLE auth.user_syncs (
    user_id uuid NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_error text,
    CONSTRAINT user_syncs_pkey PRIMARY KEY (user_id),
    CONSTRAINT user_syncs_attempts_check CHECK (attempts >= 0),
    CONSTRAINT user_syncs_text_check CHECK (char_length(last_error) BETWEEN 1 AND 64)
);
