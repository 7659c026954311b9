-- Proves the checks of 0002, 0004 and 0005 over every row. One pass for all of them, under a lock that neither readers nor
-- writers notice; it only waits for other schema changes and vacuum.
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '1h';

ALTER TABLE auth.users
    VALIDATE CONSTRAINT users_firebase_uid_check,
    VALIDATE CONSTRAINT users_auth_provider_check,
    VALIDATE CONSTRAINT users_provider_data_check,
    VALIDATE CONSTRAINT users_federation_status_check,
    VALIDATE CONSTRAINT users_display_name_check,
    VALIDATE CONSTRAINT users_photo_url_check,
    VALIDATE CONSTRAINT users_credentials_check,
    VALIDATE CONSTRAINT users_identified_check;
