-- The link from a person to their Firebase account. Metadata only: no scan, no rewrite.
--
-- A uid is 1 to 128 characters: generated ones have 28, but imported and custom ones may be a single character. The check is
-- proven over the rows already present by 0006, without a lock that stops anyone.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

ALTER TABLE auth.users ADD COLUMN IF NOT EXISTS firebase_uid text;

ALTER TABLE auth.users ADD CONSTRAINT users_firebase_uid_check
    CHECK (char_length(firebase_uid) BETWEEN 1 AND 128) NOT VALID;

COMMENT ON COLUMN auth.users.firebase_uid IS
    'Firebase uid, 1 to 128 characters; NULL until the person is linked. Migrated accounts carry their id here.';
