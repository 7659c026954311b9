-- A uid is unique in one Firebase project, or in one tenant of it; a deployment may serve several. Metadata only: no scan, no rewrite.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- The default is what rows of before mean, and what a release of before writes: users of the project that was configured then.
ALTER TABLE auth.users ADD COLUMN IF NOT EXISTS firebase_issuer text NOT NULL DEFAULT '';

COMMENT ON COLUMN auth.users.firebase_issuer IS
    'Who gave out firebase_uid: project or project/tenant; empty for the issuer in auth.firebase_home';

-- Which issuer that is: one row, written by the origin when it first needs to know, and kept whatever is configured later.
CREATE TABLE auth.firebase_home (
    only_row boolean NOT NULL DEFAULT true,
    issuer text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT firebase_home_pkey PRIMARY KEY (only_row),
    CONSTRAINT firebase_home_only_row_check CHECK (only_row),
    CONSTRAINT firebase_home_issuer_check CHECK (char_length(issuer) BETWEEN 1 AND 128)
);
