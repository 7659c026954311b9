//! The runner adopts a database of the legacy service as it is, or refuses it with a list of all obstacles.

use schema::{self, Options, Progress, SchemaError};

use crate::support::{TestDatabase, connect, execute, run_blocking};

const LEGACY_COLUMNS: &str = "id, username, email, password_hash, user_type, is_active, token_balance, last_login, created_at, updated_at";

/// The findings of a refused way up, which must have changed nothing.
async fn refused(database: &TestDatabase) -> Vec<String> {
    let error = database.up().await.expect_err("this database must be refused");
    let SchemaError::NotReady(findings) = error else {
        panic!("{error:?}")
    };
    let untouched: bool = database.value("SELECT to_regclass('auth.schema_migrations') IS NULL AND to_regclass('auth.token_transfers') IS NULL").await;
    assert!(untouched);
    findings
        .into_iter()
        .map(|finding| format!("{}: {}", finding.migration, finding.text))
        .collect()
}

#[tokio::test]
async fn rows_indexes_triggers_and_other_services_tables_stay_as_they_are() {
    let database = TestDatabase::legacy_with_users().await;
    let users = format!("SELECT {LEGACY_COLUMNS} FROM auth.users ORDER BY id");
    let definitions = "SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = 'auth.users'::regclass
                       UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'auth.users'::regclass AND contype <> 'n'
                       UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'auth.users'::regclass AND NOT tgisinternal";
    let (users_before, definitions_before) = (database.rows(&users).await, database.rows(definitions).await);

    let applied = database.up().await.unwrap();

    assert_eq!(applied.last(), Some(&schema::newest_version()));
    assert_eq!(database.rows(&users).await, users_before);
    let definitions_after = database.rows(definitions).await;
    for definition in &definitions_before {
        assert!(definitions_after.contains(definition), "lost {definition}");
    }
    let report = schema::verify::read(&database.options).await.unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
    assert!(
        report.notes.iter().any(|note| note.contains("idx_users_email")),
        "{:?}",
        report.notes
    );
    let distribution = report.users.unwrap();
    assert_eq!(
        (
            distribution.total,
            distribution.local,
            distribution.deleted,
            distribution.inactive
        ),
        (6, 6, 2, 2)
    );
}

#[tokio::test]
async fn opening_balances_are_exact() {
    let database = TestDatabase::legacy_with_users().await;
    database.up().await.unwrap();

    assert_eq!(
        database.rows("SELECT user_id, version, kind, amount, balance_after FROM auth.token_transfers ORDER BY user_id").await,
        [
            r#"{"kind": "opening", "amount": 7, "user_id": "00000000-0000-4000-8000-000000000001", "version": 0, "balance_after": 7}"#,
            r#"{"kind": "opening", "amount": 2147483647, "user_id": "00000000-0000-4000-8000-000000000003", "version": 0, "balance_after": 2147483647}"#,
            r#"{"kind": "opening", "amount": 3, "user_id": "00000000-0000-4000-8000-000000000006", "version": 0, "balance_after": 3}"#,
        ]
    );
    assert_eq!(database.ledger_differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn legacy_services_own_statements_still_work() {
    let database = TestDatabase::legacy_with_users().await;
    database.up().await.unwrap();

    database.execute("INSERT INTO auth.users (id, email, password_hash, token_balance) VALUES ('00000000-0000-4000-8000-000000000009', 'dev@example.org', 'x', 100)").await;
    database
        .execute("UPDATE auth.users SET token_balance = 6 WHERE email = 'Ada@example.org'")
        .await;
    database.execute("UPDATE auth.users SET email = 'deleted_1800000000_' || email, token_balance = 0, is_active = false WHERE email = 'dev@example.org'").await;

    assert_eq!(database.ledger_differences().await, Vec::<String>::new());
    let provider: String = database
        .value("SELECT auth_provider FROM auth.users WHERE email LIKE 'deleted_1800000000_%'")
        .await;
    assert_eq!(provider, "local");
}

#[tokio::test]
async fn addresses_that_differ_only_in_case_are_reported_by_id() {
    let database = TestDatabase::legacy_with_users().await;
    database.execute("INSERT INTO auth.users (id, email, password_hash) VALUES ('00000000-0000-4000-8000-0000000000aa', 'aDA@example.org', 'x')").await;

    let findings = refused(&database).await;

    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].starts_with("0007_email_lower_unique: 2 people share"),
        "{findings:?}"
    );
    for id in [
        "00000000-0000-4000-8000-000000000001",
        "00000000-0000-4000-8000-0000000000aa",
    ] {
        assert!(findings[0].contains(id), "{findings:?}");
    }
    assert!(
        !findings[0].contains("example.org"),
        "an address leaked: {findings:?}"
    );

    database
        .execute("DELETE FROM auth.users WHERE email = 'aDA@example.org'")
        .await;
    database.up().await.unwrap();
    assert_eq!(
        database
            .refusal("INSERT INTO auth.users (email, password_hash) VALUES ('ADA@EXAMPLE.ORG', 'x')")
            .await,
        Some(("23505".to_owned(), Some("users_email_lower_key".to_owned())))
    );
}

#[tokio::test]
async fn users_without_a_hash_are_reported() {
    let database = TestDatabase::legacy_with_users().await;
    database.execute("ALTER TABLE auth.users ALTER COLUMN password_hash DROP NOT NULL; UPDATE auth.users SET password_hash = NULL WHERE email = 'ben@example.org'").await;

    let findings = refused(&database).await;
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].starts_with("0005_passwordless_users: 1 people of provider local have no password hash"),
        "{findings:?}"
    );
    assert!(
        findings[0].contains("00000000-0000-4000-8000-000000000002"),
        "{findings:?}"
    );

    database
        .execute("UPDATE auth.users SET password_hash = '!' WHERE password_hash IS NULL")
        .await;
    database.up().await.unwrap();
}

#[tokio::test]
async fn every_obstacle_is_named_at_once() {
    let database = TestDatabase::legacy_with_users().await;
    database
        .execute(
            "ALTER TABLE auth.users ALTER COLUMN password_hash DROP NOT NULL;
             UPDATE auth.users SET password_hash = NULL WHERE email = 'ben@example.org';
             INSERT INTO auth.users (email, password_hash) VALUES ('BEN@example.org', 'x'), ('EVE@example.org', 'x');",
        )
        .await;
    assert_eq!(refused(&database).await.len(), 3);
}

#[tokio::test]
async fn table_of_another_shape_is_refused() {
    let database = TestDatabase::empty().await;
    database
        .execute(
            "CREATE SCHEMA auth; CREATE TABLE auth.users (id bigint, email text, password_hash varchar(255))",
        )
        .await;

    let findings = refused(&database).await;
    assert!(
        findings.contains(&"0001_baseline: auth.users.id is bigint, the baseline has uuid".to_owned()),
        "{findings:?}"
    );
    assert!(
        findings.contains(&"0001_baseline: auth.users has no column token_balance (integer)".to_owned()),
        "{findings:?}"
    );
}

#[tokio::test]
async fn duplicate_between_check_and_build_leaves_no_invalid_index() {
    let database = TestDatabase::legacy_with_users().await;
    let options = database.options.clone();
    let mut insert_at_the_worst_moment = move |progress| {
        if progress == Progress::Started("0007_email_lower_unique") {
            let options = options.clone();
            run_blocking(async move {
                execute(
                    &mut connect(&options).await,
                    "INSERT INTO auth.users (email, password_hash) VALUES ('ADA@example.org', 'x')",
                )
                .await;
            });
        }
    };

    let error = schema::up(
        &database.options,
        &Options::default(),
        &mut insert_at_the_worst_moment,
    )
    .await
    .unwrap_err();

    assert!(
        matches!(
            error,
            SchemaError::Statement {
                migration: "0007_email_lower_unique",
                ..
            }
        ),
        "{error:?}"
    );
    let remains: i64 = database
        .value("SELECT count(*) FROM pg_class WHERE relname = 'users_email_lower_key'")
        .await;
    assert_eq!(remains, 0);
    let version: i32 = database
        .value("SELECT max(version) FROM auth.schema_migrations")
        .await;
    assert_eq!(version, 6);
    assert!(matches!(database.up().await, Err(SchemaError::NotReady(_))));

    database
        .execute("DELETE FROM auth.users WHERE email = 'ADA@example.org'")
        .await;
    assert_eq!(database.up().await.unwrap().first(), Some(&7));
}
