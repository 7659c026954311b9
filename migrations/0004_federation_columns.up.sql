-- What is known about a person's Firebase account. Every NOT NULL column has a constant default, because the legacy service
-- and others insert rows without naming these columns; a constant default is metadata only.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

ALTER TABLE auth.users
    ADD COLUMN IF NOT EXISTS auth_provider text NOT NULL DEFAULT 'local',
    ADD COLUMN IF NOT EXISTS provider_data jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS last_firebase_sync timestamptz,
    ADD COLUMN IF NOT EXISTS federation_status text NOT NULL DEFAULT 'active',
    ADD COLUMN IF NOT EXISTS display_name text,
    ADD COLUMN IF NOT EXISTS photo_url text,
    ADD COLUMN IF NOT EXISTS email_verified boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS valid_since timestamptz;

ALTER TABLE auth.users
    ADD CONSTRAINT users_auth_provider_check CHECK (auth_provider IN ('local', 'firebase', 'hybrid')) NOT VALID,
    ADD CONSTRAINT users_provider_data_check CHECK (jsonb_typeof(provider_data) = 'object') NOT VALID,
    ADD CONSTRAINT users_federation_status_check
        CHECK (federation_status IN ('active', 'syncing', 'failed', 'disabled')) NOT VALID,
    ADD CONSTRAINT users_display_name_check CHECK (char_length(display_name) <= 256) NOT VALID,
    ADD CONSTRAINT users_photo_url_check CHECK (char_length(photo_url) <= 2048) NOT VALID;

COMMENT ON COLUMN auth.users.auth_provider IS
    'Where the password lives: local (here), firebase (there), hybrid (linked, the old hash still here)';
COMMENT ON COLUMN auth.users.provider_data IS 'What Firebase says of the account beyond the columns; an object, never a secret';
COMMENT ON COLUMN auth.users.last_firebase_sync IS 'When the row last agreed with Firebase; NULL before the link';
COMMENT ON COLUMN auth.users.federation_status IS 'active, syncing, failed (to be retried) or disabled (at Firebase)';
COMMENT ON COLUMN auth.users.display_name IS 'The name to show; unlike username it need not be unique';
COMMENT ON COLUMN auth.users.photo_url IS 'Photo URL, at most 2048 characters';
COMMENT ON COLUMN auth.users.email_verified IS 'Whether Firebase vouches for the address; never true by assumption';
COMMENT ON COLUMN auth.users.valid_since IS 'Tokens whose auth_time lies before this are revoked; NULL revokes nothing';
