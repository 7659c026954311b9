SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

DROP VIEW IF EXISTS auth.ledger_differences;
