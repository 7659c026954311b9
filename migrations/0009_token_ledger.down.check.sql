-- Held tokens are in nobody's balance: without the ledger they would be gone. Openings alone can be computed again.
SELECT format('%s holds are open; capture or release them first, their tokens are in no balance', count(*)) AS finding,
       true AS blocking
FROM auth.token_holds
WHERE state = 'reserved'
HAVING count(*) > 0
UNION ALL
SELECT format('the history of %s token movements and their idempotency keys is lost; balances stay', count(*)), false
FROM auth.token_transfers
WHERE kind <> 'opening'
HAVING count(*) > 0;
