//! Up, down and up again with users in the tables.

use schema::{SchemaError, newest_version, status};

use crate::support::TestDatabase;

/// All definitions of the schema apart from the runner's own history.
const DEFINITIONS: &str = "
    SELECT 'column' AS what, attrelid::regclass || '.' || attname AS name,
           format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || coalesce(pg_get_expr(adbin, adrelid), '') AS definition
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace IN ('auth'::regnamespace, 'public'::regnamespace) AND relkind IN ('r', 'v') AND attnum > 0
      AND NOT attisdropped AND relname <> 'schema_migrations'
    UNION ALL
    SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) || ' ' || convalidated
    FROM pg_constraint
    WHERE connamespace = 'auth'::regnamespace AND contype <> 'n' AND conrelid <> 'auth.schema_migrations'::regclass
    UNION ALL
    SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid) || ' ' || indisvalid
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = 'auth'::regnamespace AND relname <> 'schema_migrations'
    UNION ALL
    SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function', oid::regprocedure::text, prosecdef::text
    FROM pg_proc WHERE pronamespace = 'auth'::regnamespace
    ORDER BY 1, 2, 3";

const USERS: &str = "SELECT id, username, email, password_hash, token_balance FROM auth.users ORDER BY id";

async fn legacy_with_history_table() -> TestDatabase {
    let database = TestDatabase::legacy_with_users().await;
    database.up().await.unwrap();
    database.down(0).await.unwrap();
    database
}

#[tokio::test]
async fn down_restores_the_legacy_schema_exactly_and_keeps_every_row() {
    let database = TestDatabase::legacy_with_users().await;
    // The history table is the runner's and stays; made in advance, it is on both sides of the comparison.
    database.execute("CREATE TABLE auth.schema_migrations (version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(), duration_ms bigint NOT NULL, applied_by text NOT NULL DEFAULT session_user)").await;
    let (definitions, users) = (database.rows(DEFINITIONS).await, database.rows(USERS).await);

    let up = database.up().await.unwrap();
    let current = database.rows(DEFINITIONS).await;
    assert!(current.len() > definitions.len());

    let mut down = database.down(0).await.unwrap();
    assert_eq!(database.rows(DEFINITIONS).await, definitions);
    assert_eq!(database.rows(USERS).await, users);
    down.reverse();
    assert_eq!(up, down);

    assert_eq!(database.up().await.unwrap(), up);
    assert_eq!(database.rows(DEFINITIONS).await, current);
    assert_eq!(database.rows(USERS).await, users);
    assert_eq!(database.ledger_differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn every_single_step_goes_down_and_up_again() {
    let database = TestDatabase::legacy_with_users().await;
    database.up().await.unwrap();
    let current = database.rows(DEFINITIONS).await;
    for version in (0..newest_version()).rev() {
        database.down(version).await.unwrap();
        assert_eq!(database.up().await.unwrap().first(), Some(&(version + 1)));
        assert_eq!(
            database.rows(DEFINITIONS).await,
            current,
            "down to {version} and up again"
        );
        database.down(version).await.unwrap();
    }
}

#[tokio::test]
async fn up_on_a_current_database_does_nothing() {
    let database = TestDatabase::current().await;
    assert_eq!(database.up().await.unwrap(), Vec::<u32>::new());
    assert!(status::read(&database.options).await.unwrap().is_current());
}

#[tokio::test]
async fn empty_and_adopted_databases_end_up_alike() {
    let (fresh, adopted) = (TestDatabase::current().await, TestDatabase::legacy().await);
    adopted.up().await.unwrap();
    let ours = |rows: Vec<String>| -> Vec<String> {
        // The dump's redundant indexes and uuid-ossp default are the baseline's two intended differences.
        rows.into_iter()
            .filter(|row| {
                !row.contains("idx_user")
                    && !row.contains("idx_schools")
                    && !row.contains("auth.users.id\"")
                    && !row.contains("uuid_")
            })
            .collect()
    };
    assert_eq!(
        ours(fresh.rows(DEFINITIONS).await),
        ours(adopted.rows(DEFINITIONS).await)
    );
}

#[tokio::test]
async fn loss_of_history_must_be_accepted() {
    let database = TestDatabase::legacy_with_users().await;
    database.up().await.unwrap();
    database
        .execute("UPDATE auth.users SET token_balance = 5 WHERE username = 'ada'")
        .await;
    database
        .execute(
            "UPDATE auth.users SET firebase_uid = 'uid-eve', auth_provider = 'hybrid' WHERE username = 'eve'",
        )
        .await;
    database
        .execute("INSERT INTO auth.auth_events (kind, actor) VALUES ('user.linked', 'origin')")
        .await;
    let current = database.rows(DEFINITIONS).await;

    let SchemaError::WouldLose(losses) = database.down(0).await.unwrap_err() else {
        panic!("nothing would be lost?")
    };
    let migrations: Vec<&str> = losses.iter().map(|loss| loss.migration).collect();
    assert_eq!(
        migrations,
        [
            // Eve is deactivated, and linked to an account that is still enabled.
            "0015_standing_pushes",
            "0012_auth_events",
            "0009_token_ledger",
            "0004_federation_columns",
            "0002_firebase_uid"
        ]
    );
    assert!(
        losses
            .iter()
            .any(|loss| loss.text.contains("history of 1 token movements")),
        "{losses:?}"
    );
    assert_eq!(
        database.rows(DEFINITIONS).await,
        current,
        "something was taken down all the same"
    );

    database.down_accepting_loss(0).await.unwrap();
    let balance: i32 = database
        .value("SELECT token_balance FROM auth.users WHERE username = 'ada'")
        .await;
    assert_eq!(balance, 5);

    database.up().await.unwrap();
    assert_eq!(database.ledger_differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn users_without_a_password_or_an_address_stop_the_way_down() {
    let database = TestDatabase::current().await;
    database
        .execute("INSERT INTO auth.users (firebase_uid, auth_provider) VALUES ('phone-only', 'firebase')")
        .await;

    // Even with losses accepted, NOT NULL cannot return while the row is there.
    let SchemaError::NotReady(findings) = database.down_accepting_loss(0).await.unwrap_err() else {
        panic!("went down")
    };
    assert!(
        findings[0]
            .text
            .starts_with("1 people have no password hash and 1 no e-mail address"),
        "{findings:?}"
    );

    // The remedy in docs/ops/rollback-procedures.md.
    database
        .execute(
            "UPDATE auth.users SET auth_provider = 'hybrid', password_hash = '!' WHERE password_hash IS NULL",
        )
        .await;
    database
        .execute("UPDATE auth.users SET email = 'no-address-' || id || '@invalid' WHERE email IS NULL")
        .await;
    database.down_accepting_loss(0).await.unwrap();
    let nullable: bool = database.value("SELECT bool_or(NOT attnotnull) FROM pg_attribute WHERE attrelid = 'auth.users'::regclass AND attname IN ('email', 'password_hash')").await;
    assert!(!nullable);
}

#[tokio::test]
async fn open_holds_stop_the_way_down() {
    let database = TestDatabase::current().await;
    database.execute("INSERT INTO auth.token_holds (user_id, amount, caller, reason, expires_at) VALUES (gen_random_uuid(), 1, 'assessment', 'analysis', now() + interval '1 hour')").await;

    let SchemaError::NotReady(findings) = database.down_accepting_loss(8).await.unwrap_err() else {
        panic!("went down")
    };
    assert!(findings[0].text.starts_with("1 holds are open"), "{findings:?}");
}

#[tokio::test]
async fn applied_migration_with_changed_text_stops_the_run() {
    let database = TestDatabase::current().await;
    database
        .execute("UPDATE auth.schema_migrations SET checksum = 'other' WHERE version = 4")
        .await;

    let error = database.up().await.unwrap_err();
    assert!(
        matches!(
            error,
            SchemaError::Changed {
                migration: "0004_federation_columns",
                ..
            }
        ),
        "{error:?}"
    );
    let status = status::read(&database.options).await.unwrap();
    assert_eq!(status.migrations[3].state, status::State::Changed);
    assert!(!status.is_current());
}

#[tokio::test]
async fn database_of_a_newer_program_is_served_but_not_taken_down() {
    let database = TestDatabase::current().await;
    database.execute("INSERT INTO auth.schema_migrations (version, name, checksum, duration_ms) VALUES (9999, '9999_future', 'x', 0)").await;

    assert_eq!(database.up().await.unwrap(), Vec::<u32>::new());
    assert!(status::read(&database.options).await.unwrap().is_current());
    assert!(matches!(
        database.down(0).await,
        Err(SchemaError::NewerThanProgram(9999))
    ));
    assert!(matches!(
        database.down(77).await,
        Err(SchemaError::UnknownVersion(77))
    ));
}

#[tokio::test]
async fn status_names_what_is_pending() {
    let database = legacy_with_history_table().await;
    let status = status::read(&database.options).await.unwrap();
    assert!(
        status
            .migrations
            .iter()
            .all(|entry| entry.state == status::State::Pending)
    );
    assert!(!status.is_current());
}
