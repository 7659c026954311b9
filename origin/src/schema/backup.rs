//! A dump that has been proven: `pg_dump`, then a restore into a scratch database beside, then the rows of every table counted
//! on both sides. A dump nobody has restored is a hope.

mod client;
mod error;
mod partial;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use client::Client;
pub use error::BackupError;
use partial::Partial;

/// How the names of databases begin that dumps are restored into. The rest is chance: inside a container every process may have the
/// same number, and one that was killed leaves its database behind.
const SCRATCH: &str = "crossfade_restore_test_";

/// What was written, and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// Where the dump lies (`pg_restore` reads it).
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Seconds for the dump and, if asked for, the proof.
    pub seconds: u64,
    /// Rows of every table at the moment of the dump.
    pub tables: Vec<TableCount>,
    /// Whether the dump was restored and every count agreed.
    pub restored: bool,
    /// Databases of other restore tests on the same server: each is a second copy of everyone's data.
    pub other_copies: Vec<String>,
}

/// A table and how many rows it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct TableCount {
    /// `schema.table`.
    pub name: String,
    /// Rows.
    pub rows: i64,
}

/// Dumps the database into `output`. With `prove`, restores the dump into a database of its own, compares row counts and drops
/// that database again; this needs the right to create databases and room for a second copy.
///
/// The counts come from the snapshot the dump is taken from, so they agree exactly although the service goes on writing.
///
/// # Errors
/// [`BackupError`]; nothing is left behind.
pub async fn take(
    database: &PgConnectOptions,
    output: &Path,
    prove: bool,
) -> Result<BackupReport, BackupError> {
    let started = Instant::now();
    if output.exists() {
        return Err(BackupError::FileExists(output.to_owned()));
    }
    let mut source = super::runner::connect(database).await?;
    let client = Client::find(database, &mut source, prove).await?;
    // The snapshot idles for as long as the dump takes; the service's sessions are ended after seconds of that.
    sqlx::raw_sql("SET idle_in_transaction_session_timeout = 0")
        .execute(&mut source)
        .await
        .map_err(BackupError::Query)?;
    let partial = Partial::create(output)?;

    let mut snapshot = source.begin().await.map_err(BackupError::Query)?;
    sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *snapshot)
        .await
        .map_err(BackupError::Query)?;
    let name: String = sqlx::query_scalar("SELECT pg_export_snapshot()")
        .fetch_one(&mut *snapshot)
        .await
        .map_err(BackupError::Query)?;

    let (tables, other_copies) =
        dump_and_prove(&client, database, &mut snapshot, &name, partial.path(), prove).await?;
    snapshot.rollback().await.map_err(BackupError::Query)?;
    super::runner::close(source).await;

    Ok(BackupReport {
        file: output.to_owned(),
        bytes: partial.finish(output)?,
        seconds: started.elapsed().as_secs(),
        tables,
        restored: prove,
        other_copies,
    })
}

async fn dump_and_prove(
    client: &Client,
    database: &PgConnectOptions,
    snapshot: &mut PgConnection,
    snapshot_name: &str,
    file: &Path,
    prove: bool,
) -> Result<(Vec<TableCount>, Vec<String>), BackupError> {
    client.dump(snapshot_name, file).await?;
    let expected = count_rows(snapshot).await?;
    let mut other_copies = Vec::new();
    if prove {
        other_copies = copies(snapshot).await?;
        let found = restore_and_count(client, database, file).await?;
        let differing: Vec<String> = expected
            .iter()
            .filter(|table| !found.contains(table))
            .map(|table| {
                let there = found
                    .iter()
                    .find(|other| other.name == table.name)
                    .map_or(0, |other| other.rows);
                format!("{}: {} rows, restored {there}", table.name, table.rows)
            })
            .collect();
        if !differing.is_empty() {
            return Err(BackupError::RestoreDiffers(differing));
        }
    }
    Ok((expected, other_copies))
}

/// The databases of restore tests that run, or were killed.
async fn copies(connection: &mut PgConnection) -> Result<Vec<String>, BackupError> {
    sqlx::query_scalar(
        "SELECT datname::text FROM pg_database WHERE starts_with(datname, $1) ORDER BY datname",
    )
    .bind(SCRATCH)
    .fetch_all(connection)
    .await
    .map_err(BackupError::Query)
}

async fn restore_and_count(
    client: &Client,
    database: &PgConnectOptions,
    file: &Path,
) -> Result<Vec<TableCount>, BackupError> {
    let scratch = format!("{SCRATCH}{}", uuid::Uuid::new_v4().simple());
    let mut admin = super::runner::connect(database).await?;
    sqlx::raw_sql(AssertSqlSafe(format!(
        "CREATE DATABASE {scratch} TEMPLATE template0"
    )))
    .execute(&mut admin)
    .await
    .map_err(BackupError::Scratch)?;
    let counted = async {
        client.restore(&scratch, file).await?;
        let mut restored = super::runner::connect(&database.clone().database(&scratch)).await?;
        let counts = count_rows(&mut restored).await?;
        super::runner::close(restored).await;
        Ok(counts)
    }
    .await;
    // Dropped whatever came of it; a failure to do so is told, since it is a second copy of everyone's data.
    sqlx::raw_sql(AssertSqlSafe(format!(
        "DROP DATABASE IF EXISTS {scratch} WITH (FORCE)"
    )))
    .execute(&mut admin)
    .await
    .map_err(BackupError::Scratch)?;
    super::runner::close(admin).await;
    counted
}

/// Counts every ordinary table outside the system's own schemas.
async fn count_rows(connection: &mut PgConnection) -> Result<Vec<TableCount>, BackupError> {
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT format('%I.%I', nspname, relname), nspname || '.' || relname
         FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE relkind = 'r' AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
         ORDER BY 2",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(BackupError::Query)?;
    let mut counts = Vec::with_capacity(tables.len());
    for (quoted, name) in tables {
        let rows = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {quoted}")))
            .fetch_one(&mut *connection)
            .await
            .map_err(BackupError::Query)?;
        counts.push(TableCount { name, rows });
    }
    Ok(counts)
}

impl fmt::Display for BackupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "written: {} ({} bytes, {} s)",
            self.file.display(),
            self.bytes,
            self.seconds
        )?;
        for table in &self.tables {
            writeln!(f, "  {:40} {:>12} rows", table.name, table.rows)?;
        }
        if self.restored {
            writeln!(f, "proven: restored into a scratch database, every count agreed")
        } else {
            writeln!(f, "NOT proven: the restore test was skipped")
        }?;
        for copy in &self.other_copies {
            writeln!(
                f,
                "also on this server: {copy}, of a restore test that runs or was killed. Drop it if none runs, it holds everyone's data"
            )?;
        }
        Ok(())
    }
}
