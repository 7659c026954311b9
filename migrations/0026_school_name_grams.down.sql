-- mode: no-transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction, require-lock-timeout, require-statement-timeout -- the runner sees to all three
DROP INDEX CONCURRENTLY IF EXISTS public.idx_schools_name_grams;
