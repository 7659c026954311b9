SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

DROP TRIGGER IF EXISTS users_address_push ON auth.users;
DROP TRIGGER IF EXISTS users_address_unproven ON auth.users;
DROP FUNCTION IF EXISTS auth.note_address_push();
DROP FUNCTION IF EXISTS auth.unprove_address();
-- squawk-ignore ban-drop-column -- what a down migration is for; a push that waits goes on without the address
ALTER TABLE auth.standing_pushes DROP COLUMN IF EXISTS moves_address;
