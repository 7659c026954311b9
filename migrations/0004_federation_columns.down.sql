-- squawk-ignore-file ban-drop-column -- what a down migration is for; the check file counts what is lost
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

-- The checks on these columns go with them.
ALTER TABLE auth.users
    DROP COLUMN IF EXISTS auth_provider,
    DROP COLUMN IF EXISTS provider_data,
    DROP COLUMN IF EXISTS last_firebase_sync,
    DROP COLUMN IF EXISTS federation_status,
    DROP COLUMN IF EXISTS display_name,
    DROP COLUMN IF EXISTS photo_url,
    DROP COLUMN IF EXISTS email_verified,
    DROP COLUMN IF EXISTS valid_since;
