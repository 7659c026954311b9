INSERT INTO public.schools (name, city, province) VALUES ('North School', 'Northtown', 'North');
INSERT INTO auth.users (id, username, email, password_hash, user_type, is_active, token_balance) VALUES
    ('00000000-0000-4000-8000-000000000001', 'ada', 'Ada@example.org', '$2b$10$ada', 'user', true, 7),
    ('00000000-0000-4000-8000-000000000002', NULL, 'ben@example.org', '$2b$10$ben', 'user', true, 0),
    ('00000000-0000-4000-8000-000000000003', 'root', 'root@example.org', '$2b$10$root', 'superadmin', true, 2147483647),
    -- deleted in the legacy service's way, and in archive's, which leaves the row active
    ('00000000-0000-4000-8000-000000000004', NULL, 'deleted_1700000000_cleo@example.org', '$2b$10$cleo', 'user', false, 0),
    ('00000000-0000-4000-8000-000000000005', NULL, 'deleted_1700000001_dan@example.org', '$2b$10$dan', 'user', true, 0),
    ('00000000-0000-4000-8000-000000000006', 'eve', 'eve@example.org', '$2b$10$eve', 'user', false, 3);
INSERT INTO auth.user_profiles (user_id, full_name, gender, school_id)
    VALUES ('00000000-0000-4000-8000-000000000001', 'Ada', 'female', 1);
INSERT INTO chat.conversations (user_id) VALUES ('00000000-0000-4000-8000-000000000001');
INSERT INTO archive.user_activity_logs (user_id) VALUES ('00000000-0000-4000-8000-000000000003');
