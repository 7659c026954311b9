-- Who does the work in the background that one replica at a time does: giving back expired holds, retrying what Firebase could not be
-- told. A lease ends by itself, so a replica that dies lets go of it, and no transaction is kept open meanwhile.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

CREATE TABLE auth.work_leases (
    job text NOT NULL,
    holder uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT work_leases_pkey PRIMARY KEY (job),
    CONSTRAINT work_leases_text_check CHECK (char_length(job) BETWEEN 1 AND 64)
);
