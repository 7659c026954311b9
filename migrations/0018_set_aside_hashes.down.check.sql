SELECT format('%s users can no longer confirm their old password; they reset it', count(*)) AS finding, false AS blocking
FROM auth.set_aside_hashes
HAVING count(*) > 0;
