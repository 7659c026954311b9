//! Only a restored backup counts. The installed client programs decide how much of that the test can show; it checks that every outcome is
//! reported truthfully.

use std::path::{Path, PathBuf};
use std::process::Command;

use schema::backup::{self, BackupError, SILENCE};

use crate::support::TestDatabase;

/// A directory that is removed with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("crossfade-backup-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}

/// The major version of an installed `pg_dump`.
fn installed() -> Option<u32> {
    let output = Command::new("pg_dump").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split("(PostgreSQL) ")
        .nth(1)?
        .split('.')
        .next()?
        .trim()
        .parse()
        .ok()
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[tokio::test]
async fn backup_is_restored_and_counted_or_names_its_failure() {
    let database = TestDatabase::legacy_with_users().await;
    database.up().await.unwrap();
    database
        .execute("UPDATE auth.users SET token_balance = 1 WHERE username = 'ada'")
        .await;
    let folder = Folder::new("whole");
    let file = folder.0.join("auth.dump");
    let server: i32 = database
        .value("SELECT current_setting('server_version_num')::integer / 10000")
        .await;

    let outcome = backup::take(&database.options, &file, true, SILENCE, std::future::pending()).await;

    match (installed(), outcome) {
        (None, Err(BackupError::ProgramMissing("pg_dump"))) => assert!(is_empty(&folder.0)),
        (Some(client), Err(BackupError::ProgramTooOld { .. })) if i64::from(client) < i64::from(server) => {
            assert!(is_empty(&folder.0));
        }
        (Some(client), Ok(report)) if i64::from(client) >= i64::from(server) => {
            assert!(report.restored);
            assert_eq!(report.bytes, std::fs::metadata(&file).unwrap().len());
            let rows = |name: &str| {
                report
                    .tables
                    .iter()
                    .find(|table| table.name == name)
                    .unwrap()
                    .rows
            };
            assert_eq!(
                (
                    rows("auth.users"),
                    rows("auth.user_profiles"),
                    rows("auth.token_transfers")
                ),
                (6, 1, 4)
            );
            assert!(matches!(
                backup::take(&database.options, &file, true, SILENCE, std::future::pending()).await,
                Err(BackupError::FileExists(_))
            ));
        }
        (client, outcome) => panic!("pg_dump {client:?}, server {server}: {outcome:?}"),
    }
    let scratch: i64 = database
        .value("SELECT count(*) FROM pg_database WHERE datname LIKE 'crossfade_restore_test%'")
        .await;
    assert_eq!(scratch, 0, "the scratch database was left behind");
}

#[tokio::test]
async fn unreachable_server_leaves_no_file() {
    let folder = Folder::new("none");
    let file = folder.0.join("auth.dump");
    let nowhere = sqlx::postgres::PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(1)
        .username("u")
        .database("d");

    let error = backup::take(&nowhere, &file, true, SILENCE, std::future::pending())
        .await
        .unwrap_err();
    assert_eq!(error.code(), "DATABASE_UNAVAILABLE");
    assert!(is_empty(&folder.0));
}
