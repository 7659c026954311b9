//! Every kind of damage is a line of the report.

use schema::verify;

use crate::support::{TestDatabase, connect, execute, server};

#[tokio::test]
async fn current_database_has_no_differences() {
    let database = TestDatabase::current().await;
    let report = verify::read(&database.options).await.unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
    assert_eq!(report.notes, Vec::<String>::new());
    assert!(report.checked.columns > 50 && report.checked.constraints > 25);
    assert_eq!(report.users.map(|users| users.total), Some(0));
}

/// What the legacy service has on its own tables and the origin does without.
const NOT_OURS: [&str; 13] = [
    "column public.schools created_at ",
    "constraint auth.user_profiles ",
    "constraint public.schools ",
    "index auth.idx_user_profiles_school_id ",
    "index auth.idx_users_admin_lookup ",
    "index auth.idx_users_created_at ",
    "index auth.idx_users_is_active ",
    "index auth.idx_users_user_type ",
    "index auth.user_profiles_pkey ",
    "index public.idx_schools_name ",
    "index public.idx_schools_province_city ",
    "index public.schools_pkey ",
    "trigger auth.user_profiles ",
];

/// `UPDATE_DOCUMENTS=1` writes the file; its difference is reviewed with the migration that makes it.
#[tokio::test]
async fn expected_schema_is_that_of_a_migrated_database() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/crates/schema/src/verify/expected.txt"
    );
    let database = TestDatabase::current().await;
    let mut connection = connect(&database.options).await;
    let lines: Vec<String> = sqlx::query_scalar(
        "WITH compared AS (
             SELECT class.oid, nspname, format('%s.%s', nspname, relname) AS name
             FROM pg_class AS class JOIN pg_namespace AS schema ON schema.oid = relnamespace
             WHERE relkind IN ('r', 'p') AND nspname IN ('auth', 'public') AND relname <> 'schema_migrations'
         )
         SELECT line FROM (
             SELECT name, 1 AS part, attnum AS place, attname AS thing,
                    format('column %s %s %s%s', name, attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' NOT NULL' END) AS line
             FROM compared JOIN pg_attribute ON attrelid = oid WHERE attnum > 0 AND NOT attisdropped
             UNION ALL
             SELECT name, 2, 0, conname, format('constraint %s %s', name, conname)
             FROM compared JOIN pg_constraint AS its ON conrelid = compared.oid WHERE contype <> 'n'
             UNION ALL
             SELECT name, 3, 0, relname, format('index %s.%s %s', nspname, relname, CASE WHEN indisunique THEN 'unique' ELSE 'plain' END)
             FROM compared JOIN pg_index ON indrelid = compared.oid JOIN pg_class AS class ON class.oid = indexrelid
             UNION ALL
             SELECT name, 4, 0, tgname, format('trigger %s %s', name, tgname)
             FROM compared JOIN pg_trigger ON tgrelid = compared.oid WHERE NOT tgisinternal
         ) AS lines
         ORDER BY name COLLATE \"C\", part, place, thing COLLATE \"C\"",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let ours = |line: &&String| !NOT_OURS.iter().any(|start| line.starts_with(start));
    let migrated: String = lines
        .iter()
        .filter(ours)
        .map(|line| format!("{line}\n"))
        .collect();
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        std::fs::write(file, &migrated).unwrap();
    }
    let expected = std::fs::read_to_string(file).unwrap();
    assert_eq!(expected, migrated, "UPDATE_DOCUMENTS=1 writes it");
}

#[tokio::test]
async fn each_damage_is_named() {
    for (damage, expected) in [
        (
            "ALTER TABLE auth.users DROP COLUMN photo_url",
            "column auth.users.photo_url is missing",
        ),
        (
            "ALTER TABLE auth.users ALTER COLUMN auth_provider DROP NOT NULL",
            "column auth.users.auth_provider is nullable, expected NOT NULL",
        ),
        (
            "ALTER TABLE auth.users ALTER COLUMN display_name TYPE varchar(50)",
            "column auth.users.display_name is character varying(50), expected text",
        ),
        (
            "ALTER TABLE auth.users DROP CONSTRAINT users_token_balance_check",
            "constraint users_token_balance_check on auth.users is missing",
        ),
        (
            "ALTER TABLE auth.users DROP CONSTRAINT users_credentials_check; ALTER TABLE auth.users ADD CONSTRAINT users_credentials_check CHECK (true) NOT VALID",
            "constraint users_credentials_check on auth.users is not validated",
        ),
        (
            "DROP INDEX auth.users_firebase_account_key",
            "index auth.users_firebase_account_key is missing",
        ),
        (
            "DROP INDEX auth.users_firebase_account_key; CREATE INDEX users_firebase_account_key ON auth.users (firebase_uid)",
            "index auth.users_firebase_account_key is unique: false, expected: true",
        ),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'auth.users_email_lower_key'::regclass",
            "index auth.users_email_lower_key is invalid",
        ),
        (
            "DROP TRIGGER users_external_movement ON auth.users",
            "trigger users_external_movement on auth.users is missing",
        ),
        (
            "ALTER TABLE auth.token_transfers DISABLE TRIGGER token_transfers_append_only",
            "trigger token_transfers_append_only on auth.token_transfers is disabled",
        ),
        (
            "DELETE FROM auth.schema_migrations WHERE version = 12",
            "migration 0012_auth_events is pending",
        ),
    ] {
        let database = TestDatabase::current().await;
        database.execute(damage).await;
        let report = verify::read(&database.options).await.unwrap();
        assert!(
            report.differences.iter().any(|difference| difference == expected),
            "{damage}: {:?}",
            report.differences
        );
        assert!(report.to_string().contains(expected));
    }
}

#[tokio::test]
async fn empty_database_differs() {
    let database = TestDatabase::empty().await;
    let report = verify::read(&database.options).await.unwrap();
    assert!(
        report
            .differences
            .contains(&"table auth.users is missing".to_owned()),
        "{:?}",
        report.differences
    );
}

#[tokio::test]
async fn role_blinded_by_row_security_is_reported() {
    let database = TestDatabase::current().await;
    let role = format!("blind_{}", std::process::id());
    let mut admin = connect(&server()).await;
    execute(&mut admin, &format!("CREATE ROLE {role}")).await;
    database
        .execute(&format!(
            "ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
             GRANT USAGE ON SCHEMA auth TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA auth, public TO {role};"
        ))
        .await;
    let as_role = database.options.clone().options([("role", &role)]);

    let blinded = verify::read(&as_role).await.unwrap().differences;
    database
        .execute(&format!(
            "CREATE POLICY service ON auth.users FOR ALL TO {role} USING (true)"
        ))
        .await;
    let with_policy = verify::read(&as_role).await.unwrap().differences;
    drop(database);
    execute(&mut admin, &format!("DROP ROLE {role}")).await;

    assert_eq!(
        blinded,
        ["row level security hides every row of auth.users from this role; it needs a policy"]
    );
    assert_eq!(with_policy, Vec::<String>::new());
}
