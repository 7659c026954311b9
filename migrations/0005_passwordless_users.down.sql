-- mode: steps
-- squawk-ignore-file constraint-missing-not-valid, require-lock-timeout, require-statement-timeout -- each step is a transaction of its own, and the runner sets both
-- SET NOT NULL scans the table under an exclusive lock unless a validated check already proves the column; hence four
-- short steps instead of one long one, each of which may be repeated. The check is dropped by a step of its own, because one
-- ALTER TABLE drops before it sets and would then scan after all.
ALTER TABLE auth.users
    DROP CONSTRAINT IF EXISTS users_credentials_check,
    DROP CONSTRAINT IF EXISTS users_identified_check,
    DROP CONSTRAINT IF EXISTS users_not_null_again,
    ADD CONSTRAINT users_not_null_again CHECK (password_hash IS NOT NULL AND email IS NOT NULL) NOT VALID;
-- step
ALTER TABLE auth.users VALIDATE CONSTRAINT users_not_null_again;
-- step
-- squawk-ignore adding-not-nullable-field -- proven by the check validated in the step before
ALTER TABLE auth.users
    ALTER COLUMN password_hash SET NOT NULL,
    ALTER COLUMN email SET NOT NULL;
-- step
ALTER TABLE auth.users DROP CONSTRAINT IF EXISTS users_not_null_again;
