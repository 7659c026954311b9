//! `origin migrate`, except for backups.

use schema::newest_version;

use crate::database::{TestDatabase, execute};
use crate::support::{self, with};
use crate::wait::until;

#[tokio::test]
async fn up_and_down_report_their_work_and_status_the_missing_migrations() {
    let database = TestDatabase::empty().await;
    let newest = newest_version();

    with(&database, "migrate status").await.expect(1).says(&[
        "0001_baseline",
        "pending",
        "Bring the schema up with: origin migrate up",
    ]);
    let up = with(&database, "migrate up").await.expect(0);
    assert_eq!(
        up.stdout,
        format!("{newest} migrations applied; the schema is at version {newest}.\n")
    );
    up.complains(&["0001_baseline …\n", "0001_baseline done in "]);
    let again = with(&database, "migrate up").await.expect(0);
    assert_eq!(
        again.stdout,
        format!("The schema is current (version {newest}).\n")
    );

    let status = with(&database, "migrate status").await.expect(0);
    assert!(status.stdout.ends_with("The schema is current.\n"), "{status:?}");
    assert!(!status.stdout.contains(" pending"), "{status:?}");
    let status = with(&database, "migrate status --json").await.expect(0).json();
    let migrations = status["migrations"].as_array().unwrap();
    assert_eq!(migrations.len(), newest as usize);
    assert!(
        migrations
            .iter()
            .all(|entry| entry["state"] == "applied" && entry["applied_at"].is_string()),
        "{status}"
    );

    let rehearsal = with(&database, "migrate down --dry-run").await.expect(0);
    assert!(
        rehearsal.stdout.ends_with(&format!(
            "1 migration would be taken down, to version {}; nothing was changed.\n",
            newest - 1
        )),
        "{rehearsal:?}"
    );
    with(&database, "migrate status").await.expect(0);
    let down = with(&database, "migrate down").await.expect(0);
    assert_eq!(
        down.stdout,
        format!(
            "1 migration taken down; the schema is at version {}.\n",
            newest - 1
        )
    );
    // It is not at that version; a message that says so would mislead the operator.
    let nothing = with(&database, &format!("migrate down --to {newest}"))
        .await
        .expect(0);
    assert_eq!(
        nothing.stdout,
        format!("Nothing to take down; the schema is at version {}.\n", newest - 1)
    );
    with(&database, "migrate status")
        .await
        .expect(1)
        .says(&["\n1 migration pending."]);
    with(&database, "migrate down --to 999")
        .await
        .expect(1)
        .complains(&["MIGRATION_UNKNOWN: there is no migration 999"]);
    with(&database, "migrate up")
        .await
        .expect(0)
        .says(&["1 migration applied;"]);
}

#[tokio::test]
async fn legacy_tables_are_adopted_and_survive_a_full_way_down() {
    const USERS: &str =
        "SELECT id, email, username, password_hash, token_balance, is_active FROM auth.users ORDER BY id";
    let database = TestDatabase::legacy_with_users().await;
    let before = database.rows(USERS).await;
    assert!(!before.is_empty());

    with(&database, "migrate up").await.expect(0);
    assert_eq!(database.rows(USERS).await, before);
    let report = with(&database, "migrate verify")
        .await
        .expect(0)
        .says(&["differences: none", &format!("users: {}", before.len())]);
    let found = with(&database, "migrate verify --json").await.expect(0).json();
    assert_eq!(found["differences"].as_array().unwrap().len(), 0, "{report:?}");

    // A movement that the balances alone do not show.
    database
        .execute("UPDATE auth.users SET token_balance = token_balance + 5 WHERE username = 'ada'")
        .await;
    let before = database.rows(USERS).await;
    with(&database, "migrate down --to 0 --dry-run")
        .await
        .expect(1)
        .complains(&["MIGRATION_WOULD_LOSE_DATA"]);
    with(&database, "migrate down --to 0 --dry-run --accept-loss")
        .await
        .expect(0)
        .says(&[
            "0009_token_ledger\n",
            "would be taken down, to version 0; nothing was changed.",
        ]);
    with(&database, "migrate down --to 0")
        .await
        .expect(1)
        .complains(&[
            "MIGRATION_WOULD_LOSE_DATA",
            "nothing was changed",
            "--accept-loss",
            "0009_token_ledger",
        ]);
    with(&database, "migrate status").await.expect(0);
    with(&database, "migrate down --to 0 --accept-loss")
        .await
        .expect(0)
        .says(&[
            "the schema is at version 0.",
            "The legacy service's own tables (auth.users, auth.user_profiles, public.schools) stay, rows included.",
        ]);
    assert_eq!(database.rows(USERS).await, before);
    with(&database, "migrate down")
        .await
        .expect(0)
        .says(&["Nothing to take down; the schema is at version 0."]);
}

#[tokio::test]
async fn conflicting_users_are_named_by_id_before_any_change() {
    let database = TestDatabase::legacy().await;
    let one = database.legacy_user("Ann@example.org", 0).await;
    database.legacy_user("ann@example.org", 0).await;

    let refused = with(&database, "migrate up").await.expect(1).complains(&[
        "MIGRATION_NOT_READY",
        "nothing was changed",
        "0007_email_lower_unique",
        &one.to_string(),
    ]);
    assert!(!refused.stderr.to_lowercase().contains("ann@"), "{refused:?}");
    assert_eq!(refused.stdout, "");
    let history: bool = database
        .value("SELECT to_regclass('auth.schema_migrations') IS NULL")
        .await;
    assert!(history, "something was recorded");
}

#[tokio::test]
async fn manual_changes_are_named() {
    let database = TestDatabase::current().await;
    database
        .execute("ALTER TABLE auth.users DROP CONSTRAINT users_credentials_check; DROP INDEX auth.idx_users_federation_pending;")
        .await;
    with(&database, "migrate verify").await.expect(1).says(&[
        "differences: 2",
        "constraint users_credentials_check on auth.users is missing",
        "index auth.idx_users_federation_pending is missing",
    ]);

    // The remains of an interrupted CREATE INDEX CONCURRENTLY.
    database
        .execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'auth.users_email_lower_key'::regclass")
        .await;
    with(&database, "migrate status").await.expect(1).says(&[
        "auth.users_email_lower_key               invalid index, `migrate up` builds it again",
        "An index is not usable. Build it again with: origin migrate up",
    ]);
    with(&database, "migrate up").await.expect(0);
    with(&database, "migrate status").await.expect(0);

    database
        .execute("UPDATE auth.schema_migrations SET checksum = repeat('0', 64) WHERE version = 3")
        .await;
    with(&database, "migrate status").await.expect(1).says(&[
        "changed",
        "1 migration applied with another text than this program's",
    ]);
    with(&database, "migrate up")
        .await
        .expect(1)
        .complains(&["MIGRATION_CHANGED: 0003_firebase_uid_unique was applied with another text"]);
}

#[tokio::test]
async fn newer_schema_is_served_and_not_taken_down() {
    let database = TestDatabase::current().await;
    database
        .execute("INSERT INTO auth.schema_migrations (version, name, checksum, duration_ms) VALUES (999, '0999_later', 'x', 1)")
        .await;
    with(&database, "migrate status")
        .await
        .expect(0)
        .says(&["0999_later                               newer"]);
    with(&database, "migrate down")
        .await
        .expect(1)
        .complains(&["SCHEMA_NEWER: the database has migration 999, which is newer than this program"]);
}

#[tokio::test]
async fn held_lock_is_waited_for_within_patience_and_reported() {
    let database = TestDatabase::legacy_with_users().await;
    let mut other = database.connect().await;
    execute(&mut other, "BEGIN; SELECT count(*) FROM auth.users;").await;

    with(&database, "migrate up --lock-patience 1")
        .await
        .expect(1)
        .complains(&[
            "waits for a lock (",
            "MIGRATION_BUSY: ",
            "Running again goes on from here",
        ]);
    with(&database, "migrate status").await.expect(1);

    let url = support::url(&database);
    let waiting = tokio::spawn(async move {
        support::origin("migrate up --lock-patience 300", &[("DATABASE_URL", &url)]).await
    });
    until("the migration waits for the lock", async || {
        database
            .value(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
                 AND application_name = 'crossfade-migrate' AND query LIKE '%auth.users%')",
            )
            .await
    })
    .await;
    execute(&mut other, "COMMIT").await;
    waiting
        .await
        .unwrap()
        .expect(0)
        .says(&["the schema is at version"]);
}
