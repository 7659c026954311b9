SELECT format('%s people lose their federation data (provider, display name, photo, verification, revocation time)', count(*))
           AS finding,
       false AS blocking
FROM auth.users
WHERE auth_provider <> 'local'
   OR provider_data <> '{}'
   OR last_firebase_sync IS NOT NULL
   OR federation_status <> 'active'
   OR display_name IS NOT NULL
   OR photo_url IS NOT NULL
   OR email_verified
   OR valid_since IS NOT NULL
HAVING count(*) > 0;
