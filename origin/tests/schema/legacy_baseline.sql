-- The tables around the legacy service, as a dump of them restores: redundant indexes, foreign keys of other services and all.
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;
CREATE SCHEMA auth;
CREATE SCHEMA archive;
CREATE SCHEMA chat;

CREATE FUNCTION public.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = NOW();
    RETURN NEW;
END;
$$;

CREATE TABLE auth.users (
    id uuid DEFAULT public.uuid_generate_v4() NOT NULL,
    username character varying(100),
    email character varying(255) NOT NULL,
    password_hash character varying(255) NOT NULL,
    user_type character varying(20) DEFAULT 'user'::character varying NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    token_balance integer DEFAULT 0 NOT NULL,
    last_login timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT users_token_balance_check CHECK ((token_balance >= 0)),
    CONSTRAINT users_user_type_check CHECK (user_type IN ('user', 'admin', 'superadmin', 'moderator'))
);
CREATE TABLE public.schools (
    id serial PRIMARY KEY,
    name character varying(200) NOT NULL,
    address text,
    city character varying(100),
    province character varying(100),
    created_at timestamp with time zone DEFAULT now()
);
CREATE TABLE auth.user_profiles (
    user_id uuid NOT NULL PRIMARY KEY,
    full_name character varying(100),
    date_of_birth date,
    gender character varying(10) CHECK (gender IN ('male', 'female')),
    school_id integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE chat.conversations (
    id uuid DEFAULT public.uuid_generate_v4() PRIMARY KEY,
    user_id uuid NOT NULL
);
CREATE TABLE archive.user_activity_logs (
    id uuid DEFAULT public.uuid_generate_v4() PRIMARY KEY,
    user_id uuid NOT NULL
);

ALTER TABLE ONLY auth.users ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY auth.users ADD CONSTRAINT users_email_key UNIQUE (email);
ALTER TABLE ONLY auth.users ADD CONSTRAINT users_username_key UNIQUE (username);
CREATE UNIQUE INDEX idx_users_email ON auth.users (email);
CREATE UNIQUE INDEX idx_users_username ON auth.users (username) WHERE (username IS NOT NULL);
CREATE INDEX idx_users_user_type ON auth.users (user_type);
CREATE INDEX idx_users_is_active ON auth.users (is_active);
CREATE INDEX idx_users_created_at ON auth.users (created_at);
CREATE INDEX idx_users_admin_lookup ON auth.users (user_type, is_active, email);
CREATE INDEX idx_user_profiles_created_at ON auth.user_profiles (created_at);
CREATE INDEX idx_user_profiles_school_id ON auth.user_profiles (school_id);
CREATE INDEX idx_user_profiles_school_id_2 ON auth.user_profiles (school_id);
CREATE INDEX idx_user_profiles_user_id ON auth.user_profiles (user_id);
CREATE TRIGGER update_users_updated_at BEFORE UPDATE ON auth.users
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE TRIGGER update_user_profiles_updated_at BEFORE UPDATE ON auth.user_profiles
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
ALTER TABLE ONLY auth.user_profiles ADD CONSTRAINT user_profiles_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES auth.users (id) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY auth.user_profiles ADD CONSTRAINT user_profiles_school_id_fkey
    FOREIGN KEY (school_id) REFERENCES public.schools (id) ON UPDATE CASCADE ON DELETE SET NULL;
ALTER TABLE ONLY chat.conversations ADD CONSTRAINT conversations_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users (id);
ALTER TABLE ONLY archive.user_activity_logs ADD CONSTRAINT user_activity_logs_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE;
