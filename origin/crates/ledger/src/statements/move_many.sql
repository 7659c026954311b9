-- How move.sql begins for several credits and debits of one user: an array element for each, in their order. $11 is the sum of the changes
-- up to and with this one: a window function would cost more.
WITH asked AS (
    SELECT *
    FROM unnest($6::text[], $7::text[], $8::bytea[], $9::bigint[], $10::jsonb[], $11::bigint[])
         WITH ORDINALITY AS asked (caller, idempotency_key, request_hash, change, description, change_so_far, place)
),
