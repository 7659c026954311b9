//! A network that drops the migrator's connection without notice.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use schema::{Options, Progress, SchemaError};
use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;
use testkit::faulty_proxy::{FaultyProxy, Welcome};

use crate::support::TestDatabase;

/// A tenth of the real limits.
fn quick() -> Options {
    Options {
        silence: Duration::from_secs(3),
        ..Options::default()
    }
}

async fn behind_a_proxy(database: &TestDatabase) -> (FaultyProxy, PgConnectOptions) {
    let server = &database.options;
    let host = server.get_host().replace("localhost", "127.0.0.1");
    let target: SocketAddr = format!("{host}:{}", server.get_port()).parse().unwrap();
    let proxy = FaultyProxy::to(target).await.unwrap();
    let options = server.clone().host("127.0.0.1").port(proxy.address().port());
    (proxy, options)
}

/// Migrates, and loses every connection when the migration `at` starts.
async fn up_losing_connections(
    database: &TestDatabase,
    at: &str,
    welcome: Welcome,
) -> Result<Vec<u32>, SchemaError> {
    let (proxy, options) = behind_a_proxy(database).await;
    let mut swallow = |progress| {
        if matches!(progress, Progress::Started(name) if name == at) {
            proxy.welcome(welcome);
            assert!(proxy.swallow() > 0);
        }
    };
    schema::up(&options, &quick(), &mut swallow).await
}

#[tokio::test]
async fn silently_dead_connection_ends_the_migration_and_running_again_goes_on() {
    let database = TestDatabase::legacy_with_people().await;
    for at in [
        "0002_firebase_uid",
        "0003_firebase_uid_unique",
        "0009_token_ledger",
    ] {
        let started = Instant::now();
        let error = up_losing_connections(&database, at, Welcome::Carry)
            .await
            .unwrap_err();
        assert!(matches!(error, SchemaError::Lost(_)), "{at}: {error:?}");
        assert_eq!(error.code(), "DATABASE_UNAVAILABLE");
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{:?}",
            started.elapsed()
        );
        // The server has not noticed yet: the lost session keeps the migration lock until keepalives fail.
        database
            .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'crossfade-migrate'")
            .await;
    }
    database.up().await.unwrap();
    assert_eq!(
        schema::verify::read(&database.options).await.unwrap().differences,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn lost_host_ends_the_migration() {
    let database = TestDatabase::empty().await;
    let error = up_losing_connections(&database, "0002_firebase_uid", Welcome::Swallow)
        .await
        .unwrap_err();
    assert!(matches!(error, SchemaError::Lost(_)), "{error:?}");
}

#[tokio::test]
async fn statement_at_work_for_longer_than_the_silence_is_waited_for() {
    let database = TestDatabase::legacy_with_people().await;
    let mut other = database.connect().await;
    let mut old = other.begin().await.unwrap();
    // A concurrent index build waits for older transactions.
    sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM public.schools")
        .execute(&mut *old)
        .await
        .unwrap();
    let options = quick();
    let mut nothing = |_| {};
    let up = schema::up(&database.options, &options, &mut nothing);
    let hold = async {
        sqlx::query("SELECT pg_sleep(8)")
            .execute(&mut *old)
            .await
            .unwrap();
        old.commit().await.unwrap();
    };
    let (applied, ()) = tokio::join!(up, hold);
    assert_eq!(applied.unwrap().len(), schema::newest_version() as usize);
}
