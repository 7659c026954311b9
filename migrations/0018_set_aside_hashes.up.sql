-- Hashes of the legacy service's passwords that do not count: where the legacy service cannot read them. It knows auth.users and
-- answers a row without a hash as one that nobody can sign in to.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

CREATE TABLE auth.set_aside_hashes (
    user_id uuid NOT NULL,
    password_hash text NOT NULL,
    -- Why: address_proven (the address was proven by a sign-in that the holder of this password need not have made) counts again
    -- once the user confirms the password; second_factor (the legacy service would ask for none) does not.
    reason text NOT NULL,
    set_aside_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT set_aside_hashes_pkey PRIMARY KEY (user_id),
    CONSTRAINT set_aside_hashes_reason_check CHECK (reason IN ('address_proven', 'second_factor')),
    CONSTRAINT set_aside_hashes_text_check CHECK (char_length(password_hash) BETWEEN 1 AND 255),
    -- A hash is personal data: it goes with the row.
    CONSTRAINT set_aside_hashes_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES auth.users (id) ON UPDATE CASCADE ON DELETE CASCADE
);

-- Whoever may read auth.users must not read these by a default privilege of the schema.
REVOKE ALL ON auth.set_aside_hashes FROM PUBLIC;
