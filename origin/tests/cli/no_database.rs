//! The database is missing or refuses the session: every verb says which, and exits 1.

use crate::database::TestDatabase;
use crate::support::{origin, url};

const PASSWORD: &str = "hunter2-of-nobody";

/// Verbs that need a database, with their further arguments.
const VERBS: [&str; 10] = [
    "migrate up",
    "migrate down",
    "migrate status",
    "migrate verify",
    "migrate backup --output never-written.dump",
    "ledger reconcile",
    "users find ann@example.org",
    "users deactivate 00000000-0000-4000-8000-000000000000",
    "users migrate",
    "users verify",
];

/// Enough for verbs that also call Firebase; nothing answers there.
const FIREBASE: [(&str, &str); 3] = [
    ("ENVIRONMENT", "development"),
    ("FIREBASE_PROJECT_ID", "demo-cli"),
    ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9"),
];

async fn fails(verb: &str, address: &str, reason: &str) {
    let variables = [&FIREBASE[..], &[("DATABASE_URL", address)]].concat();
    let ended = origin(verb, &variables).await;
    assert_eq!(ended.code, 1, "{verb}: {ended:?}");
    assert_eq!(ended.stdout, "", "{verb}");
    let expected = format!("DATABASE_UNAVAILABLE: cannot connect to the database\n  because: {reason}");
    assert!(ended.stderr.starts_with(&expected), "{verb}: {}", ended.stderr);
    assert_eq!(
        ended.stderr.matches("because").count(),
        1,
        "{verb}: {}",
        ended.stderr
    );
    assert!(!ended.stderr.contains(PASSWORD), "{verb}: {}", ended.stderr);
}

#[tokio::test]
async fn unreachable_server_is_reported() {
    for verb in VERBS {
        fails(
            verb,
            &format!("postgres://nobody:{PASSWORD}@127.0.0.1:9/nothing"),
            "Connection refused",
        )
        .await;
    }
    assert!(!std::env::temp_dir().join("never-written.dump.partial").exists());
}

#[tokio::test]
async fn refused_role_and_password_are_reported() {
    let database = TestDatabase::empty().await;
    let mut wrong = reqwest::Url::parse(&url(&database)).unwrap();
    wrong.set_username("nobody_of_this_name").unwrap();
    wrong.set_password(Some(PASSWORD)).unwrap();
    for verb in VERBS {
        fails(
            verb,
            wrong.as_str(),
            "password authentication failed for user \"nobody_of_this_name\" (SQLSTATE 28P01)",
        )
        .await;
    }
}

#[tokio::test]
async fn missing_database_is_reported() {
    let database = TestDatabase::empty().await;
    let mut wrong = reqwest::Url::parse(&url(&database)).unwrap();
    wrong.set_path("/no_such_database");
    fails(
        "ledger reconcile",
        wrong.as_str(),
        "database \"no_such_database\" does not exist (SQLSTATE 3D000)",
    )
    .await;
}

#[tokio::test]
async fn missing_schema_is_reported() {
    let database = TestDatabase::empty().await;
    let address = url(&database);
    for verb in ["ledger reconcile", "users find ann@example.org"] {
        origin(verb, &[("DATABASE_URL", &address)])
            .await
            .expect(1)
            .complains(&[
                "migrations pending. Should this fail, bring the schema up with: origin migrate up",
            ]);
    }
}
