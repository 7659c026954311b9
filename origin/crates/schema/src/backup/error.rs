//! Why a backup failed.

use std::path::PathBuf;

use crate::SchemaError;

/// Why a backup failed. No file is left behind, except by [`BackupError::Unproven`].
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// `pg_dump` or `pg_restore` is not installed.
    #[error(
        "{0} is not on PATH; install PostgreSQL's client programs, of the server's major version or newer"
    )]
    ProgramMissing(&'static str),
    /// `pg_dump` refuses servers newer than itself.
    #[error(
        "{program} is version {client}, the server {server}; an older program cannot dump a newer server. Install PostgreSQL's client programs of version {server}, and have them first on PATH"
    )]
    ProgramTooOld {
        /// The program.
        program: &'static str,
        /// Its major version.
        client: u32,
        /// The server's major version.
        server: u32,
    },
    /// A program exists and does not start.
    #[error("{program} could not be started")]
    ProgramNotStarted {
        /// The program.
        program: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// A program ran and failed.
    #[error("{program} failed: {output}")]
    ProgramFailed {
        /// The program.
        program: &'static str,
        /// The end of its output.
        output: String,
    },
    /// The dump is written but could not be restored. It is kept: the proof may be at fault.
    #[error(
        "the dump is kept as {}, and is not proven: {program} failed: {output}",
        file.display()
    )]
    Unproven {
        /// The dump's path.
        file: PathBuf,
        /// The program.
        program: &'static str,
        /// The end of its output.
        output: String,
    },
    /// The target exists already; backups are never overwritten.
    #[error("{} exists already", .0.display())]
    FileExists(PathBuf),
    /// The partial file of another backup exists: that one runs, or it was killed.
    #[error("{} is there: another backup is writing it, or was killed. Remove it if none is running", .0.display())]
    PartialExists(PathBuf),
    /// The file could not be written, measured or moved into place.
    #[error("{} could not be written", path.display())]
    File {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The backup's connections made no progress.
    #[error("the connection with the database is lost: {why}. No file is left behind{}", copy(left.as_deref()))]
    Lost {
        /// The sign of it.
        why: &'static str,
        /// A database of the restore test that could not be dropped.
        left: Option<String>,
    },
    /// The backup was told to stop.
    #[error("stopped before it was done; neither a file nor a second database is left behind")]
    Stopped,
    /// The restored dump differs from the database.
    #[error("the restored copy differs: {}", .0.join("; "))]
    RestoreDiffers(Vec<String>),
    /// The scratch database could not be created or dropped.
    #[error("the scratch database for the restore test could not be created or dropped")]
    Scratch(#[source] sqlx::Error),
    /// A query failed.
    #[error("the database refused a query")]
    Query(#[source] sqlx::Error),
    /// No session.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl BackupError {
    /// A stable name for scripts and alerts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ProgramMissing(_) => "BACKUP_PROGRAM_MISSING",
            Self::ProgramTooOld { .. } => "BACKUP_PROGRAM_TOO_OLD",
            Self::ProgramNotStarted { .. } | Self::ProgramFailed { .. } => "BACKUP_PROGRAM_FAILED",
            Self::FileExists(_) | Self::PartialExists(_) | Self::File { .. } => "BACKUP_FILE",
            Self::Unproven { .. } => "BACKUP_UNPROVEN",
            Self::Lost { .. } => "DATABASE_UNAVAILABLE",
            Self::Stopped => "BACKUP_STOPPED",
            Self::RestoreDiffers(_) => "BACKUP_NOT_RESTORABLE",
            Self::Scratch(_) => "BACKUP_SCRATCH_DATABASE",
            Self::Query(_) => "BACKUP_QUERY_FAILED",
            Self::Schema(error) => error.code(),
        }
    }
}

fn copy(left: Option<&str>) -> String {
    left.map_or_else(String::new, |name| {
        format!(", but drop the database {name}: it holds everyone's data")
    })
}
