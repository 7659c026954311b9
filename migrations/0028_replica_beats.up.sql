-- How far a replica has come, as each origin can tell by its own clock: an origin that reads a replica writes here every second when it does
-- so, and what it reads at the replica is as old as the beat that it finds there, at most.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

CREATE TABLE auth.replica_beats (
    origin uuid NOT NULL,
    -- Microseconds since that origin started. Nobody else can make anything of it.
    sent bigint NOT NULL,
    -- For removing what origins that have ended left behind.
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT replica_beats_pkey PRIMARY KEY (origin)
) WITH (fillfactor = 50);
