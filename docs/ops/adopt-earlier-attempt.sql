-- Brings auth.users from the state that an earlier attempt at this migration left behind (firebase_uid varchar(128), nullable
-- provider columns, chk_ constraints, duplicate indexes) to one that `origin migrate up` adopts. Run with
--   psql --set ON_ERROR_STOP=1 --file adopt-earlier-attempt.sql
-- beside live traffic; may be repeated. No statement rewrites the table: varchar and text are stored alike, and a timestamp
-- becomes a timestamptz in place while the session's time zone is UTC.
--
-- It does not guess where a user's provider and credentials contradict each other: the report at the end lists how many such
-- users there are of each kind, and `origin migrate up` refuses until none is left.
SET lock_timeout = '1s';
SET timezone = 'UTC';
SET search_path = '';

ALTER TABLE auth.users
    DROP CONSTRAINT IF EXISTS chk_firebase_uid_format,
    DROP CONSTRAINT IF EXISTS chk_auth_provider,
    DROP CONSTRAINT IF EXISTS chk_federation_status,
    DROP CONSTRAINT IF EXISTS chk_password_hash_required;

ALTER TABLE auth.users ADD COLUMN IF NOT EXISTS firebase_uid text;
ALTER TABLE auth.users ADD COLUMN IF NOT EXISTS auth_provider text;
ALTER TABLE auth.users ADD COLUMN IF NOT EXISTS provider_data jsonb;
ALTER TABLE auth.users ADD COLUMN IF NOT EXISTS last_firebase_sync timestamptz;
ALTER TABLE auth.users ADD COLUMN IF NOT EXISTS federation_status text;
ALTER TABLE auth.users ALTER COLUMN firebase_uid TYPE text;
ALTER TABLE auth.users ALTER COLUMN auth_provider TYPE text, ALTER COLUMN auth_provider SET DEFAULT 'local';
ALTER TABLE auth.users ALTER COLUMN provider_data SET DEFAULT '{}';
ALTER TABLE auth.users ALTER COLUMN last_firebase_sync TYPE timestamptz;
ALTER TABLE auth.users ALTER COLUMN federation_status TYPE text, ALTER COLUMN federation_status SET DEFAULT 'active';

-- The statement locks every row that it changes until it ends: on a very large table repeat it in slices of the id.
UPDATE auth.users SET auth_provider = CASE
        WHEN firebase_uid IS NULL THEN 'local'
        WHEN password_hash IS NULL THEN 'firebase'
        ELSE 'hybrid'
    END
WHERE auth_provider IS NULL;
UPDATE auth.users SET provider_data = '{}' WHERE provider_data IS NULL OR jsonb_typeof(provider_data) <> 'object';
UPDATE auth.users SET federation_status = 'active' WHERE federation_status IS NULL;

-- NOT NULL without a scan under an exclusive lock: a proven check takes its place.
ALTER TABLE auth.users DROP CONSTRAINT IF EXISTS provider_columns_present;
ALTER TABLE auth.users ADD CONSTRAINT provider_columns_present
    CHECK (auth_provider IS NOT NULL AND provider_data IS NOT NULL AND federation_status IS NOT NULL) NOT VALID;
ALTER TABLE auth.users VALIDATE CONSTRAINT provider_columns_present;
ALTER TABLE auth.users
    ALTER COLUMN auth_provider SET NOT NULL,
    ALTER COLUMN provider_data SET NOT NULL,
    ALTER COLUMN federation_status SET NOT NULL;
ALTER TABLE auth.users DROP CONSTRAINT provider_columns_present;

-- One plain unique index in place of a constraint and its duplicate. The uid is guarded at every moment in between.
DROP INDEX CONCURRENTLY IF EXISTS auth.users_firebase_uid_unique;
CREATE UNIQUE INDEX CONCURRENTLY users_firebase_uid_unique ON auth.users (firebase_uid);
ALTER TABLE auth.users
    DROP CONSTRAINT IF EXISTS users_firebase_uid_key,
    DROP CONSTRAINT IF EXISTS uq_users_firebase_uid;
DROP INDEX CONCURRENTLY IF EXISTS auth.users_firebase_uid_key;
ALTER INDEX auth.users_firebase_uid_unique RENAME TO users_firebase_uid_key;
DROP INDEX CONCURRENTLY IF EXISTS auth.idx_users_firebase_uid;
DROP INDEX CONCURRENTLY IF EXISTS auth.idx_users_auth_provider;
DROP INDEX CONCURRENTLY IF EXISTS auth.idx_users_federation_status;

SELECT auth_provider, firebase_uid IS NOT NULL AS has_uid, password_hash IS NOT NULL AS has_hash, count(*) AS people
FROM auth.users
WHERE CASE auth_provider
          WHEN 'local' THEN firebase_uid IS NOT NULL OR password_hash IS NULL
          WHEN 'firebase' THEN firebase_uid IS NULL OR password_hash IS NOT NULL
          WHEN 'hybrid' THEN firebase_uid IS NULL OR password_hash IS NULL
          ELSE true
      END
GROUP BY 1, 2, 3;
