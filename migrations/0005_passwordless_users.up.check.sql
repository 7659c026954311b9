-- Rows that the invariant of 0005 refuses. Without an earlier attempt these can only be people without a hash, who cannot sign
-- in anywhere. Read through to_jsonb because the provider columns do not exist yet on a database that is being adopted.
WITH contradicting AS (
    SELECT id, provider, row_number() OVER (PARTITION BY provider ORDER BY id) AS place
    FROM (
        SELECT id,
               password_hash IS NOT NULL AS has_hash,
               coalesce(to_jsonb(person) ->> 'auth_provider', 'local') AS provider,
               to_jsonb(person) ->> 'firebase_uid' IS NOT NULL AS has_uid
        FROM auth.users AS person
        WHERE password_hash IS NULL
           OR (SELECT count(*) > 0 FROM pg_attribute WHERE attrelid = 'auth.users'::regclass AND attname = 'firebase_uid')
    ) AS candidate
    WHERE CASE provider
              WHEN 'local' THEN has_uid OR NOT has_hash
              WHEN 'firebase' THEN has_hash OR NOT has_uid
              WHEN 'hybrid' THEN NOT has_uid OR NOT has_hash
              ELSE true
          END
)
SELECT format(
           '%s people of provider %s have no password hash or a uid that contradicts it; docs/DATA_MODEL.md says which rows may be; ids: %s',
           count(*), provider, string_agg(id::text, ', ' ORDER BY id) FILTER (WHERE place <= 20)
       ) AS finding,
       true AS blocking
FROM contradicting
GROUP BY provider;
