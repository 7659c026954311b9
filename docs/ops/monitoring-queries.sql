-- Questions an operator asks the database. Read-only; none names an address or a token. Those marked "scan" read a whole table:
-- run them on a schedule or a replica, not once a second. Alert levels are proposals.

-- 1. Is the ledger right? Empty is right; any row is an incident. (scan)
SELECT kind, count(*) AS findings, min(user_id::text) AS example FROM auth.ledger_differences GROUP BY kind ORDER BY kind;

-- 2. How far is the move? (scan)
SELECT auth_provider, federation_status, is_active, count(*) AS people
FROM auth.users
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- 3. Which Firebase accounts must be looked at again? Alert: anything failed for more than a day. Served by
--    idx_users_federation_pending.
SELECT federation_status, count(*) AS people, min(last_firebase_sync) AS longest_ago
FROM auth.users
WHERE federation_status <> 'active'
GROUP BY 1;

-- 4. Linked users not compared with Firebase for a day. (scan)
SELECT count(*) AS stale
FROM auth.users
WHERE firebase_uid IS NOT NULL AND is_active AND last_firebase_sync < now() - interval '24 hours';

-- 5. Which programs still write balances outside the ledger? At zero the legacy service may be turned off.
SELECT date_trunc('hour', created_at) AS hour, caller, reference AS application, count(*) AS movements, sum(amount) AS tokens
FROM auth.token_transfers
WHERE kind = 'external' AND created_at > now() - interval '24 hours'
GROUP BY 1, 2, 3
ORDER BY 1 DESC, 4 DESC;

-- 6. Whose proven address has not brought the welcome grant? The background gives it within half a minute. Expect no row.
SELECT user_id, since
FROM auth.welcome_dues
WHERE since < now() - interval '5 minutes'
ORDER BY since
LIMIT 20;

-- 7. Tokens in holds, and holds that no service settled in time. Alert: overdue for more than some minutes means the sweep stopped.
SELECT count(*) AS open, coalesce(sum(amount), 0) AS tokens,
       count(*) FILTER (WHERE expires_at <= now()) AS overdue, min(expires_at) AS next_or_longest_overdue
FROM auth.token_holds
WHERE state = 'reserved';

-- 8. What happened to accounts in the last hour.
SELECT kind, split_part(actor, ':', 1) AS by_whom, count(*) AS events
FROM auth.auth_events
WHERE at > now() - interval '1 hour'
GROUP BY 1, 2
ORDER BY 3 DESC;

-- 9. Sessions by program, and the oldest transaction of each. Alert: older than a minute holds back vacuum and schema changes.
SELECT application_name, state, count(*) AS sessions, max(now() - xact_start) AS oldest_transaction
FROM pg_stat_activity
WHERE datname = current_database()
GROUP BY 1, 2
ORDER BY 4 DESC NULLS LAST;

-- 10. Which session waits for which. Expect no row that stays.
SELECT waiting.pid, waiting.application_name, now() - waiting.query_start AS waits, blocking.pid AS blocked_by,
       blocking.application_name AS blocked_by_program
FROM pg_stat_activity AS waiting
CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocker (pid)
JOIN pg_stat_activity AS blocking ON blocking.pid = blocker.pid
ORDER BY 3 DESC;

-- 11. Half-built indexes. Expect no row; `origin migrate up` builds ours again.
SELECT indexrelid::regclass AS index, indrelid::regclass AS on_table
FROM pg_index
WHERE NOT indisvalid;

-- 12. Share of updates of auth.users that touched no index, and dead rows waiting for vacuum. Alert: dead over a fifth of live.
SELECT n_live_tup AS live, n_dead_tup AS dead, round(100.0 * n_tup_hot_upd / nullif(n_tup_upd, 0), 1) AS hot_percent, last_autovacuum
FROM pg_stat_user_tables
WHERE relid = 'auth.users'::regclass;

-- 13. How close the busiest balances are to the largest an integer holds. (scan)
SELECT count(*) FILTER (WHERE token_balance > 2000000000) AS near_the_limit, max(token_balance) AS largest FROM auth.users;

-- 14. Sizes.
SELECT relname AS relation, pg_size_pretty(pg_total_relation_size(relid)) AS with_indexes, n_live_tup AS rows
FROM pg_stat_user_tables
WHERE schemaname = 'auth'
ORDER BY pg_total_relation_size(relid) DESC;
