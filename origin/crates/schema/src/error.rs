//! Why a schema command stopped.

use std::fmt;
use std::time::Duration;

/// An obstacle that a check found before any change. It names ids, never addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The migration whose check found it, as in `0007_email_lower_unique`.
    pub migration: &'static str,
    /// The obstacle and its remedy.
    pub text: String,
}

/// Why a schema command stopped. The migrations that were reported as applied are applied; no other is.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The server could not be reached or refused the session.
    #[error("cannot connect to the database")]
    Connect(#[source] sqlx::Error),
    /// The session ended without a message, or the server never answered and does no work for it. The running migration is rolled back.
    #[error("the session with the database is lost: {0}. Running again goes on from here")]
    Lost(&'static str),
    /// A statement failed. Its migration is rolled back, or (for an index) its remains are removed.
    #[error("{migration}: the database refused a statement")]
    Statement {
        /// The migration, or the runner's own step.
        migration: &'static str,
        /// The server's answer.
        #[source]
        source: sqlx::Error,
    },
    /// A pending migration cannot run on the existing rows or definitions. Nothing was changed.
    #[error("the database is not ready for this migration; nothing was changed{}", List(.0))]
    NotReady(Vec<Finding>),
    /// The way down would destroy data that cannot be computed again, and the operator has not accepted that. Nothing was changed.
    #[error("going down loses data; nothing was changed. Repeat with --accept-loss to go on{}", List(.0))]
    WouldLose(Vec<Finding>),
    /// The text of an applied migration has changed. Applied files are never edited.
    #[error("{migration} was applied with another text (recorded {recorded}, compiled in {compiled})")]
    Changed {
        /// The migration.
        migration: &'static str,
        /// Checksum in the database.
        recorded: String,
        /// Checksum of the file compiled in.
        compiled: String,
    },
    /// Another session held a lock for longer than our patience.
    #[error("{what} was not free within {} s; something holds it for long. Running again goes on from here", .waited.as_secs())]
    Busy {
        /// The lock.
        what: &'static str,
        /// How long the run waited.
        waited: Duration,
    },
    /// An index was built but is not usable.
    #[error("index {0} is still invalid after being built; look at the server's log")]
    InvalidIndex(String),
    /// There is no such version to go to.
    #[error("there is no migration {0}")]
    UnknownVersion(u32),
    /// The database has migrations that this program does not know and cannot take down.
    #[error("the database has migration {0}, which is newer than this program")]
    NewerThanProgram(u32),
}

impl SchemaError {
    /// A stable name for scripts and alerts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connect(_) | Self::Lost(_) => "DATABASE_UNAVAILABLE",
            Self::Statement { .. } => "MIGRATION_FAILED",
            Self::NotReady(_) => "MIGRATION_NOT_READY",
            Self::WouldLose(_) => "MIGRATION_WOULD_LOSE_DATA",
            Self::Changed { .. } => "MIGRATION_CHANGED",
            Self::Busy { .. } => "MIGRATION_BUSY",
            Self::InvalidIndex(_) => "INDEX_INVALID",
            Self::UnknownVersion(_) => "MIGRATION_UNKNOWN",
            Self::NewerThanProgram(_) => "SCHEMA_NEWER",
        }
    }
}

/// Adds the migration to a driver error.
pub(super) fn in_migration(migration: &'static str) -> impl FnOnce(sqlx::Error) -> SchemaError {
    move |source| SchemaError::Statement { migration, source }
}

struct List<'a>(&'a [Finding]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|finding| write!(f, "\n  - {}: {}", finding.migration, finding.text))
    }
}
