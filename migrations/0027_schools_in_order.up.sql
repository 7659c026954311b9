-- mode: no-transaction
-- index: public.idx_schools_name_id
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction, require-lock-timeout, require-statement-timeout -- the runner sees to all three
-- The order in which schools are listed, so that a page of all of them is read and not sorted out of all of them.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_schools_name_id
    ON public.schools (name, id);
