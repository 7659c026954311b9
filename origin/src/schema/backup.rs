//! A dump that has been proven: `pg_dump`, then a restore into a scratch database beside, then the rows of every table counted
//! on both sides. A dump nobody has restored is a hope.

mod client;
mod error;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use client::Client;
pub use error::BackupError;

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
/// [`BackupError`]; `output` then does not exist.
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

    let mut snapshot = source.begin().await.map_err(BackupError::Query)?;
    sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *snapshot)
        .await
        .map_err(BackupError::Query)?;
    let name: String = sqlx::query_scalar("SELECT pg_export_snapshot()")
        .fetch_one(&mut *snapshot)
        .await
        .map_err(BackupError::Query)?;

    let partial = output.with_extension("partial");
    let result = dump_and_prove(&client, database, &mut snapshot, &name, &partial, prove).await;
    snapshot.rollback().await.map_err(BackupError::Query)?;
    super::runner::close(source).await;

    let finished = result.and_then(|tables| {
        let bytes = std::fs::metadata(&partial).map_err(BackupError::File)?.len();
        std::fs::rename(&partial, output).map_err(BackupError::File)?;
        Ok(BackupReport {
            file: output.to_owned(),
            bytes,
            seconds: started.elapsed().as_secs(),
            tables,
            restored: prove,
        })
    });
    if finished.is_err() && partial.exists() {
        std::fs::remove_file(&partial).map_err(BackupError::File)?;
    }
    finished
}

async fn dump_and_prove(
    client: &Client,
    database: &PgConnectOptions,
    snapshot: &mut PgConnection,
    snapshot_name: &str,
    file: &Path,
    prove: bool,
) -> Result<Vec<TableCount>, BackupError> {
    client.dump(snapshot_name, file).await?;
    let expected = count_rows(snapshot).await?;
    if prove {
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
    Ok(expected)
}

async fn restore_and_count(
    client: &Client,
    database: &PgConnectOptions,
    file: &Path,
) -> Result<Vec<TableCount>, BackupError> {
    let scratch = format!("crossfade_restore_test_{}", std::process::id());
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
        }
    }
}
