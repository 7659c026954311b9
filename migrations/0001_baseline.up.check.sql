-- Adoption trusts the names and types below; a table that has others is somebody else's and is left alone. Columns of ours
-- that an earlier attempt left behind are named too, since ADD COLUMN IF NOT EXISTS would silently keep their old type.
WITH expected (name, type, required) AS (
    VALUES ('id', 'uuid', true),
           ('username', 'character varying(100)', true),
           ('email', 'character varying(255)', true),
           ('password_hash', 'character varying(255)', true),
           ('user_type', 'character varying(20)', true),
           ('is_active', 'boolean', true),
           ('token_balance', 'integer', true),
           ('last_login', 'timestamp with time zone', true),
           ('created_at', 'timestamp with time zone', true),
           ('updated_at', 'timestamp with time zone', true),
           ('firebase_uid', 'text', false),
           ('auth_provider', 'text', false),
           ('provider_data', 'jsonb', false),
           ('last_firebase_sync', 'timestamp with time zone', false),
           ('federation_status', 'text', false),
           ('display_name', 'text', false),
           ('photo_url', 'text', false),
           ('email_verified', 'boolean', false),
           ('valid_since', 'timestamp with time zone', false),
           ('ledger_version', 'bigint', false)
),
found AS (
    SELECT attname AS name, format_type(atttypid, atttypmod) AS type
    FROM pg_attribute
    WHERE attrelid = to_regclass('auth.users') AND attnum > 0 AND NOT attisdropped
)
SELECT CASE
           WHEN found.name IS NULL THEN format('auth.users has no column %s (%s)', expected.name, expected.type)
           WHEN expected.required THEN
               format('auth.users.%s is %s, the baseline has %s', expected.name, found.type, expected.type)
           ELSE format(
               'auth.users.%s is already there as %s, made by an earlier attempt; docs/DATA_MODEL.md says how to bring it to %s',
               expected.name, found.type, expected.type)
       END AS finding,
       true AS blocking
FROM expected LEFT JOIN found USING (name)
WHERE to_regclass('auth.users') IS NOT NULL
  AND CASE WHEN found.name IS NULL THEN expected.required ELSE found.type <> expected.type END;
