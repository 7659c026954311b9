-- People who sign in through Firebase have no password here, and those who came by phone or anonymously no address. What the
-- dropped NOT NULLs guarded is guarded more exactly instead: the provider says which of uid and hash a row has.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- squawk-ignore ban-drop-not-null -- the legacy service only ever reads such a row by address or name and refuses the password
ALTER TABLE auth.users ALTER COLUMN password_hash DROP NOT NULL;
-- squawk-ignore ban-drop-not-null -- an empty string in its place could exist only once, email being unique
ALTER TABLE auth.users ALTER COLUMN email DROP NOT NULL;

ALTER TABLE auth.users
    -- Every branch is true or false, never NULL: a CHECK passes on NULL, and 'unknown' would let any row in.
    ADD CONSTRAINT users_credentials_check CHECK (
        CASE auth_provider
            WHEN 'local' THEN firebase_uid IS NULL AND password_hash IS NOT NULL
            WHEN 'firebase' THEN firebase_uid IS NOT NULL AND password_hash IS NULL
            WHEN 'hybrid' THEN firebase_uid IS NOT NULL AND password_hash IS NOT NULL
            ELSE false
        END
    ) NOT VALID,
    ADD CONSTRAINT users_identified_check CHECK (email IS NOT NULL OR firebase_uid IS NOT NULL) NOT VALID;

COMMENT ON COLUMN auth.users.password_hash IS 'bcrypt hash; NULL exactly for auth_provider firebase';
COMMENT ON COLUMN auth.users.email IS 'Address as given; unique in any spelling of case; NULL for phone and anonymous accounts';
