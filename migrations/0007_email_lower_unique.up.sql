-- mode: no-transaction
-- index: auth.users_email_lower_key
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction, require-lock-timeout, require-statement-timeout -- the runner sees to all three
-- One mailbox, one person, whatever the spelling of case: Firebase lower-cases addresses, the legacy service does not. The
-- check file lists the addresses that collide before anything is changed.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_email_lower_key ON auth.users (lower(email));
