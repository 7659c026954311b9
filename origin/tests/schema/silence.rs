//! A network that drops the migrator's connection without notice.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use schema::backup::{self, BackupError};
use schema::{Options, Progress, SchemaError};
use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;
use testkit::faulty_proxy::{FaultyProxy, Welcome};

use crate::server::Server;
use crate::support::{TestDatabase, connect};
use crate::wait::until;

/// A tenth of the real limits.
fn quick() -> Options {
    Options {
        silence: Duration::from_secs(3),
        ..Options::default()
    }
}

async fn behind_a_proxy(server: &PgConnectOptions) -> (FaultyProxy, PgConnectOptions) {
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
    let (proxy, options) = behind_a_proxy(&database.options).await;
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
    let database = TestDatabase::legacy_with_users().await;
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
    let database = TestDatabase::legacy_with_users().await;
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

/// The folder in which Debian keeps the server that the installed `pg_dump` can dump.
fn installed() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = folders
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| {
            ["initdb", "postgres", "pg_dump"]
                .iter()
                .all(|name| folder.join(name).exists())
        })
        .collect();
    found.sort();
    found.pop()
}

/// Backs `server` up through a network that drops every connection once the server has `sessions`, and treats new ones by `welcome`.
async fn backup_losing_connections(
    server: &PgConnectOptions,
    file: &Path,
    sessions: &str,
    welcome: Welcome,
) -> BackupError {
    let (proxy, options) = behind_a_proxy(server).await;
    // Slow enough not to miss the moment.
    proxy.delay(Duration::from_millis(10));
    let backup = backup::take(
        &options,
        file,
        true,
        Duration::from_secs(3),
        std::future::pending(),
    );
    let lose = async {
        let mut looks = connect(server).await;
        let sql = format!("SELECT count(*) > 0 FROM pg_stat_activity WHERE {sessions}");
        until(sessions, async || {
            let found = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.as_str()));
            found.fetch_one(&mut looks).await.unwrap()
        })
        .await;
        proxy.welcome(welcome);
        assert!(proxy.swallow() > 0);
    };
    let both = Box::pin(async { tokio::join!(backup, lose).0 });
    let outcome = tokio::time::timeout(Duration::from_secs(60), both).await;
    outcome.expect("the backup waits on").unwrap_err()
}

#[tokio::test]
async fn silently_dead_connection_ends_the_backup_and_leaves_nothing() {
    let Some(programs) = installed() else {
        eprintln!("not shown: no PostgreSQL server is installed beside pg_dump");
        return;
    };
    let server = Server::of(programs).await;
    let options: PgConnectOptions = server.url().parse().unwrap();
    schema::up(&options, &Options::default(), &mut |_| {})
        .await
        .unwrap();
    let folder = std::env::temp_dir().join(format!("crossfade-lost-backup-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let ours = "application_name LIKE 'crossfade-backup%'";
    let dumping = format!("{ours} AND query LIKE '%pg_catalog%' AND query NOT LIKE '%snapshot%'");
    let restoring = format!("{ours} AND datname LIKE 'crossfade_restore_test%'");
    for (sessions, welcome) in [
        (&dumping, Welcome::Carry),
        (&restoring, Welcome::Carry),
        (&dumping, Welcome::Swallow),
    ] {
        let file = folder.join("auth.dump");
        let error = backup_losing_connections(&options, &file, sessions, welcome).await;
        assert!(matches!(error, BackupError::Lost { left: None, .. }), "{error:?}");
        assert_eq!(error.code(), "DATABASE_UNAVAILABLE");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "{error}");
        let copies: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_database WHERE datname LIKE 'crossfade_restore_test%'",
        )
        .fetch_one(&mut connect(&options).await)
        .await
        .unwrap();
        assert_eq!(copies, 0, "{error}");
        server
            .execute(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}"
            ))
            .await;
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
