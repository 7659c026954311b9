-- A known person signed in again. Answers the row as it is afterwards, or none when it already knew of this sign-in.
--
-- $1 uid, $2 e-mail, $3 whether the e-mail is verified, $4 display name, $5 photo URL, $6 signed in at
--
-- The address follows Firebase only when Firebase vouches for it and nobody else has it: an unverified change must not take
-- over the address by which an older account is found.
UPDATE auth.users AS person
SET last_login = $6,
    last_firebase_sync = now(),
    federation_status = CASE person.federation_status WHEN 'disabled' THEN 'disabled' ELSE 'active' END,
    email = CASE WHEN renamed.yes THEN $2 ELSE person.email END,
    email_verified = CASE WHEN renamed.yes OR lower(person.email) = lower($2) THEN $3 ELSE person.email_verified END,
    display_name = coalesce(person.display_name, $4),
    photo_url = coalesce(person.photo_url, $5)
FROM (
    SELECT $3 AND NOT EXISTS (
        SELECT FROM auth.users WHERE lower(email) = lower($2)
    ) AS yes
) AS renamed
WHERE person.firebase_uid = $1 AND (person.last_login IS NULL OR person.last_login < $6)
RETURNING id, firebase_uid, person.email, username, display_name, user_type, is_active, token_balance, auth_provider,
          person.email_verified, photo_url, last_login, created_at, updated_at, valid_since
