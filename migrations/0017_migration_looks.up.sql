-- How far a bulk migration has looked through the people before it began to bring them. One row a share of a rollout group: a run
-- that is killed while it looks is gone on with from here.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

CREATE TABLE auth.migration_looks (
    rollout_group text NOT NULL,
    -- In basis points: everybody below this bucket.
    share bigint NOT NULL,
    -- Everybody up to this id is in auth.user_migrations; NULL at the beginning.
    looked_to uuid,
    began_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT migration_looks_pkey PRIMARY KEY (rollout_group, share),
    CONSTRAINT migration_looks_share_check CHECK (share BETWEEN 0 AND 10000),
    CONSTRAINT migration_looks_text_check CHECK (char_length(rollout_group) BETWEEN 1 AND 128)
);
