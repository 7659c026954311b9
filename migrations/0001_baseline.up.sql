-- The tables as the legacy service knows them.
--
-- On a database that already has them every statement here finds its object present and changes nothing: the database is
-- adopted as it is, rows included. `0001_baseline.up.check.sql` has then already refused a table of another shape. On an
-- empty database the same shape is created, with two liberties nobody can observe: ids come from the built-in
-- gen_random_uuid() instead of the uuid-ossp extension, and the baseline's indexes that duplicate a constraint are left out.
SET LOCAL lock_timeout = '25ms';
SET LOCAL statement_timeout = '30s';

CREATE SCHEMA IF NOT EXISTS auth;

-- A school a person may name in their profile.
CREATE TABLE IF NOT EXISTS public.schools (
    -- squawk-ignore prefer-bigint-over-int, prefer-identity, adding-serial-primary-key-field -- the legacy service reads it as an integer
    id serial PRIMARY KEY,
    -- squawk-ignore prefer-text-field -- as in the baseline
    name varchar(200) NOT NULL,
    address text,
    -- squawk-ignore prefer-text-field -- as in the baseline
    city varchar(100),
    -- squawk-ignore prefer-text-field -- as in the baseline
    province varchar(100),
    created_at timestamptz DEFAULT now()
);

-- One person, whichever service they came through.
CREATE TABLE IF NOT EXISTS auth.users (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- squawk-ignore prefer-text-field -- as in the baseline
    username varchar(100),
    -- squawk-ignore prefer-text-field -- as in the baseline
    email varchar(255) NOT NULL,
    -- squawk-ignore prefer-text-field -- as in the baseline
    password_hash varchar(255) NOT NULL,
    -- squawk-ignore prefer-text-field -- as in the baseline
    user_type varchar(20) NOT NULL DEFAULT 'user',
    is_active boolean NOT NULL DEFAULT true,
    -- squawk-ignore prefer-bigint-over-int -- widening rewrites the table, and the legacy driver would read text
    token_balance integer NOT NULL DEFAULT 0,
    last_login timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_username_key UNIQUE (username),
    CONSTRAINT users_token_balance_check CHECK (token_balance >= 0),
    CONSTRAINT users_user_type_check CHECK (user_type IN ('user', 'admin', 'superadmin', 'moderator'))
);

-- What a person tells about themselves, at most one row a person.
CREATE TABLE IF NOT EXISTS auth.user_profiles (
    user_id uuid NOT NULL,
    -- squawk-ignore prefer-text-field -- as in the baseline
    full_name varchar(100),
    date_of_birth date,
    -- squawk-ignore prefer-text-field -- as in the baseline
    gender varchar(10),
    -- squawk-ignore prefer-bigint-over-int -- references an integer
    school_id integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_profiles_pkey PRIMARY KEY (user_id),
    CONSTRAINT user_profiles_gender_check CHECK (gender IN ('male', 'female')),
    CONSTRAINT user_profiles_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES auth.users (id) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT user_profiles_school_id_fkey FOREIGN KEY (school_id)
        REFERENCES public.schools (id) ON UPDATE CASCADE ON DELETE SET NULL
);

-- Only where nothing is there yet: an adopted database keeps its function, triggers and indexes as they are. The indexes are
-- built on tables that this very transaction created, so nobody waits for them.
DO $baseline$
BEGIN
    IF to_regprocedure('public.update_updated_at_column()') IS NULL THEN
        CREATE FUNCTION public.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $function$
        BEGIN
            NEW.updated_at = now();
            RETURN NEW;
        END
        $function$;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'auth.users'::regclass AND tgfoid = 'public.update_updated_at_column'::regproc) THEN
        CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON auth.users
            FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'auth.user_profiles'::regclass AND tgfoid = 'public.update_updated_at_column'::regproc) THEN
        CREATE TRIGGER update_user_profiles_updated_at BEFORE UPDATE ON auth.user_profiles
            FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
    END IF;
    IF NOT EXISTS (SELECT FROM auth.users) AND to_regclass('auth.idx_users_admin_lookup') IS NULL THEN
        CREATE INDEX IF NOT EXISTS idx_users_user_type ON auth.users (user_type);
        CREATE INDEX IF NOT EXISTS idx_users_is_active ON auth.users (is_active);
        CREATE INDEX IF NOT EXISTS idx_users_created_at ON auth.users (created_at);
        CREATE INDEX idx_users_admin_lookup ON auth.users (user_type, is_active, email);
        CREATE INDEX IF NOT EXISTS idx_user_profiles_school_id ON auth.user_profiles (school_id);
        CREATE INDEX IF NOT EXISTS idx_schools_name ON public.schools (name);
        CREATE INDEX IF NOT EXISTS idx_schools_province_city ON public.schools (province, city);
    END IF;
END
$baseline$;
