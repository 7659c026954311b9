//! A proven dump: `pg_dump`, then a restore into a scratch database on the same server, then a count of the rows of every table on both
//! sides. A dump without a restore test is not known to work.

mod client;
mod error;
mod partial;
mod scratch;
mod watch;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, FromRow, PgConnection, Row as _};

use client::Client;
pub use error::BackupError;
use partial::Partial;
use scratch::Scratch;

use crate::session;

/// How long a backup's connections may be without progress before it counts as lost.
pub const SILENCE: Duration = Duration::from_secs(60);

/// A finished backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// The dump's path (`pg_restore` reads the file).
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Seconds for the dump and, if asked for, the proof.
    pub seconds: u64,
    /// Rows of every table at the moment of the dump.
    pub tables: Vec<TableCount>,
    /// Whether the dump was restored and every count agreed.
    pub restored: bool,
    /// Scratch databases of other restore tests on the same server: each is a second copy of all users' data.
    pub other_copies: Vec<String>,
}

/// A table and its number of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableCount {
    /// `schema.table`.
    pub name: String,
    /// Rows.
    pub rows: i64,
}

impl FromRow<'_, PgRow> for TableCount {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            name: row.try_get("name")?,
            rows: row.try_get("rows")?,
        })
    }
}

/// Dumps the database into `output`. With `prove`, restores the dump into a scratch database, compares row counts and drops the scratch
/// database; this needs the right to create databases and room for a second copy. When `stop` completes, the backup ends early and cleans
/// up. It also ends after `silence` without progress on its connections (the command uses [`SILENCE`]).
///
/// The counts come from the dump's own snapshot: they agree exactly although the service goes on writing.
///
/// # Errors
/// [`BackupError`]; nothing is left behind, except the dump if only its restore failed ([`BackupError::Unproven`]).
pub async fn take(
    database: &PgConnectOptions,
    output: &Path,
    prove: bool,
    silence: Duration,
    stop: impl Future<Output = ()>,
) -> Result<BackupReport, BackupError> {
    let started = Instant::now();
    if output.exists() {
        return Err(BackupError::FileExists(output.to_owned()));
    }
    let application = format!("crossfade-backup-{}", uuid::Uuid::new_v4().simple());
    let mut source = session::connect(database, &application).await?;
    let mut scratch = Scratch::new(session::connect(database, &application).await?);
    let work = async {
        let client = Client::find(database, &application, &mut source, prove).await?;
        // The snapshot idles for as long as the dump takes; the server ends the service's own sessions after seconds of idling.
        sqlx::raw_sql("SET idle_in_transaction_session_timeout = 0")
            .execute(&mut source)
            .await
            .map_err(BackupError::Query)?;
        let partial = Partial::create(output)?;
        let tables = dump(&client, &mut source, partial.path()).await?;
        let proof = if prove {
            prove_restorable(&client, &mut scratch, database, partial.path(), &tables).await
        } else {
            Ok(())
        };
        match proof {
            Ok(()) => Ok((partial, tables, None)),
            Err(BackupError::ProgramFailed { program, output }) => {
                Ok((partial, tables, Some((program, output))))
            }
            Err(error) => Err(error),
        }
    };
    let outcome = tokio::select! {
        biased;
        () = stop => Err(BackupError::Stopped),
        outcome = work => outcome,
        why = watch::lost(database, &application, silence) => Err(BackupError::Lost { why, left: None }),
    };
    let (outcome, other_copies) = match outcome {
        Err(BackupError::Lost { why, .. }) => {
            let left = scratch.remove_over_another(database).await;
            (Err(BackupError::Lost { why, left }), Vec::new())
        }
        outcome => (outcome, scratch.remove().await?),
    };
    let (partial, tables, not_restored) = outcome?;
    session::close(source).await;
    if let Some((program, told)) = not_restored {
        // The dump may be good and only its proof at fault: for example, this role may not create an extension in a new database.
        let mut kept = output.as_os_str().to_owned();
        kept.push(".unproven");
        let file = PathBuf::from(kept);
        partial.finish(&file)?;
        return Err(BackupError::Unproven {
            file,
            program,
            output: told,
        });
    }

    Ok(BackupReport {
        file: output.to_owned(),
        bytes: partial.finish(output)?,
        seconds: started.elapsed().as_secs(),
        tables,
        restored: prove,
        other_copies,
    })
}

/// Writes the dump; answers the number of rows of each of its tables.
async fn dump(
    client: &Client,
    source: &mut PgConnection,
    file: &Path,
) -> Result<Vec<TableCount>, BackupError> {
    let mut snapshot = source.begin().await.map_err(BackupError::Query)?;
    sqlx::raw_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *snapshot)
        .await
        .map_err(BackupError::Query)?;
    let name: String = sqlx::query_scalar("SELECT pg_export_snapshot()")
        .fetch_one(&mut *snapshot)
        .await
        .map_err(BackupError::Query)?;
    client.dump(&name, file).await?;
    let tables = count_rows(&mut snapshot).await?;
    snapshot.rollback().await.map_err(BackupError::Query)?;
    Ok(tables)
}

async fn prove_restorable(
    client: &Client,
    scratch: &mut Scratch,
    database: &PgConnectOptions,
    file: &Path,
    expected: &[TableCount],
) -> Result<(), BackupError> {
    let scratch = scratch.create().await?;
    client.restore(scratch, file).await?;
    let mut restored = session::connect(&database.clone().database(scratch), client.application()).await?;
    let found = count_rows(&mut restored).await?;
    session::close(restored).await;
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
    if differing.is_empty() {
        Ok(())
    } else {
        Err(BackupError::RestoreDiffers(differing))
    }
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
