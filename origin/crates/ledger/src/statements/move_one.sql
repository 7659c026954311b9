-- How move.sql begins for one credit or debit: plain values, which the planner sees through.
WITH asked AS NOT MATERIALIZED (
    SELECT $6::text AS caller, $7::text AS idempotency_key, $8::bytea AS request_hash, $9::bigint AS change,
           $10::jsonb AS description, $9 AS change_so_far, 1::bigint AS place
),
