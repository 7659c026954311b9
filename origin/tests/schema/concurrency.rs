//! Concurrent and interrupted migrators, and other sessions with locks.

use std::time::Duration;

use schema::{self, Options, SchemaError, status};
use sqlx::Connection;

use crate::support::TestDatabase;

async fn up(database: &TestDatabase) -> Result<Vec<u32>, SchemaError> {
    schema::up(&database.options, &Options::default(), &mut |_| {}).await
}

/// Waits until `condition` (a query of one boolean) holds.
async fn wait_until(database: &TestDatabase, condition: &str) {
    let mut connection = database.connect().await;
    tokio::time::timeout(Duration::from_secs(30), async {
        while !sqlx::query_scalar::<_, bool>(sqlx::AssertSqlSafe(condition.to_owned()))
            .fetch_one(&mut connection)
            .await
            .unwrap()
        {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("never came true: {condition}"));
}

const BUILDING_INDEX: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'crossfade-migrate' AND state = 'active'
      AND query LIKE '%CREATE UNIQUE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock')";

#[tokio::test]
async fn several_replicas_starting_at_once_all_succeed() {
    for database in [
        TestDatabase::empty().await,
        TestDatabase::legacy_with_users().await,
    ] {
        let (a, b, c, d) = tokio::join!(up(&database), up(&database), up(&database), up(&database));
        let applied: Vec<u32> = [a, b, c, d].into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(
            applied.len(),
            schema::newest_version() as usize,
            "each migration by exactly one of them"
        );
        assert!(status::read(&database.options).await.unwrap().is_current());
        assert_eq!(
            schema::verify::read(&database.options).await.unwrap().differences,
            Vec::<String>::new()
        );
    }
}

#[tokio::test]
async fn killed_index_build_is_repeated() {
    let database = TestDatabase::legacy_with_users().await;
    // A transaction with an old snapshot makes the concurrent build wait; the test kills it then.
    let mut old = database.connect().await;
    let mut snapshot = old.begin().await.unwrap();
    sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM public.schools")
        .execute(&mut *snapshot)
        .await
        .unwrap();

    let kill = async {
        wait_until(&database, BUILDING_INDEX).await;
        database
            .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'crossfade-migrate'")
            .await;
    };
    let (outcome, ()) = tokio::join!(up(&database), kill);
    assert!(outcome.is_err(), "reported success although it was killed");
    let status = status::read(&database.options).await.unwrap();
    assert_eq!(status.invalid_indexes, ["auth.users_firebase_uid_key"]);
    assert!(!status.is_current());
    assert_eq!(status.migrations[2].state, status::State::Pending);

    snapshot.rollback().await.unwrap();
    up(&database).await.unwrap();
    assert!(status::read(&database.options).await.unwrap().is_current());
    assert_eq!(
        schema::verify::read(&database.options).await.unwrap().differences,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn index_that_became_invalid_later_is_rebuilt() {
    let database = TestDatabase::current().await;
    database
        .execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'auth.users_email_lower_key'::regclass;
             CREATE INDEX users_pkey_ccnew ON auth.users (id);
             UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'auth.users_pkey_ccnew'::regclass;",
        )
        .await;
    assert!(!status::read(&database.options).await.unwrap().is_current());

    assert_eq!(up(&database).await.unwrap(), Vec::<u32>::new());

    assert!(status::read(&database.options).await.unwrap().is_current());
    let (rebuilt, remains): (bool, bool) = (
        database
            .value(
                "SELECT indisvalid FROM pg_index WHERE indexrelid = 'auth.users_email_lower_key'::regclass",
            )
            .await,
        database
            .value("SELECT to_regclass('auth.users_pkey_ccnew') IS NOT NULL")
            .await,
    );
    assert!(rebuilt && !remains);
}

#[tokio::test]
async fn long_lock_is_waited_out_without_a_queue_behind_it() {
    let database = TestDatabase::legacy_with_users().await;
    let mut long = database.connect().await;
    let mut transaction = long.begin().await.unwrap();
    sqlx::raw_sql("SELECT count(*) FROM auth.users")
        .execute(&mut *transaction)
        .await
        .unwrap();

    let mut retries = 0;
    let options = Options::default();
    let mut count = |progress| {
        if let schema::Progress::LockBusy { migration, .. } = progress {
            assert_eq!(migration, "0002_firebase_uid");
            retries += 1;
        }
    };
    let migration = schema::up(&database.options, &options, &mut count);
    let others = async {
        let mut connection = database.connect().await;
        wait_until(
            &database,
            "SELECT to_regclass('auth.schema_migrations') IS NOT NULL",
        )
        .await;
        let mut longest = Duration::ZERO;
        let started = std::time::Instant::now();
        while started.elapsed() < Duration::from_secs(3) {
            let asked = std::time::Instant::now();
            sqlx::query("SELECT token_balance FROM auth.users WHERE username = 'ada'")
                .execute(&mut connection)
                .await
                .unwrap();
            longest = longest.max(asked.elapsed());
        }
        transaction.commit().await.unwrap();
        longest
    };
    let (outcome, longest) = tokio::join!(migration, others);

    outcome.unwrap();
    assert!(retries >= 2, "{retries} retries");
    // The migration waits 25 ms in the queue; the rest is room for a busy machine. A wait in line would have taken all three seconds.
    assert!(longest < Duration::from_secs(1), "readers waited {longest:?}");
}

#[tokio::test]
async fn patience_ends_with_an_error_and_nothing_half_done() {
    let database = TestDatabase::legacy_with_users().await;
    let mut long = database.connect().await;
    let mut transaction = long.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE auth.users IN ROW EXCLUSIVE MODE")
        .execute(&mut *transaction)
        .await
        .unwrap();

    let options = Options {
        lock_patience: Duration::from_millis(300),
        ..Options::default()
    };
    let error = schema::up(&database.options, &options, &mut |_| {})
        .await
        .unwrap_err();
    assert_eq!(error.code(), "MIGRATION_BUSY");
    assert!(!database.value::<bool>("SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'auth.users'::regclass AND attname = 'firebase_uid')").await);

    transaction.rollback().await.unwrap();
    up(&database).await.unwrap();
}

#[tokio::test]
async fn migration_lock_ends_with_its_session() {
    let database = TestDatabase::current().await;
    let mut other = database.connect().await;
    sqlx::query("SELECT pg_advisory_lock(x'786661646544444c'::bigint)")
        .execute(&mut other)
        .await
        .unwrap();
    let options = Options {
        lock_patience: Duration::from_millis(200),
        ..Options::default()
    };
    let error = schema::up(&database.options, &options, &mut |_| {})
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SchemaError::Busy {
                what: "the migration lock",
                ..
            }
        ),
        "{error:?}"
    );

    // The session ends without unlocking, like a killed process.
    drop(other);
    up(&database).await.unwrap();
}
