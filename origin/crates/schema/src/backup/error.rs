//! Why there is no backup.

use std::path::PathBuf;

use crate::SchemaError;

/// Why there is no backup. No file is left behind, except by [`BackupError::Unproven`].
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
        /// Which program.
        program: &'static str,
        /// Its major version.
        client: u32,
        /// The server's major version.
        server: u32,
    },
    /// A program is there and does not start.
    #[error("{program} could not be started")]
    ProgramNotStarted {
        /// Which program.
        program: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A program ran and failed.
    #[error("{program} failed: {output}")]
    ProgramFailed {
        /// Which program.
        program: &'static str,
        /// The end of what it wrote.
        output: String,
    },
    /// The dump is written, and could not be restored beside. It is kept: the proof may be at fault.
    #[error(
        "the dump is kept as {}, and is not proven: {program} failed: {output}",
        file.display()
    )]
    Unproven {
        /// Where it is.
        file: PathBuf,
        /// Which program.
        program: &'static str,
        /// The end of what it wrote.
        output: String,
    },
    /// The target is there already; backups are never overwritten.
    #[error("{} exists already", .0.display())]
    FileExists(PathBuf),
    /// What another backup writes to is there: it runs, or it was killed.
    #[error("{} is there: another backup is writing it, or was killed. Remove it if none is running", .0.display())]
    PartialExists(PathBuf),
    /// The file could not be written, measured or moved into place.
    #[error("{} could not be written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Told to stop.
    #[error("stopped before it was done; neither a file nor a second database is left behind")]
    Stopped,
    /// The dump was restored and does not hold what the database holds.
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
            Self::Stopped => "BACKUP_STOPPED",
            Self::RestoreDiffers(_) => "BACKUP_NOT_RESTORABLE",
            Self::Scratch(_) => "BACKUP_SCRATCH_DATABASE",
            Self::Query(_) => "BACKUP_QUERY_FAILED",
            Self::Schema(error) => error.code(),
        }
    }
}
