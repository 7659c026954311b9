//! Why a schema command stopped.

use std::fmt;
use std::time::Duration;

/// One thing that stands in the way, found by a check before anything was changed. Names ids, never addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The migration whose check found it, as in `0007_email_lower_unique`.
    pub migration: &'static str,
    /// What is wrong and what to do about it.
    pub text: String,
}

/// Why a schema command stopped. Whatever was reported as applied before it is applied; nothing else is.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The server could not be reached or refused the session.
    #[error("cannot connect to the database")]
    Connect(#[source] sqlx::Error),
    /// The session ended without a word, or the server has nothing to do for it and never answered. What was under way is rolled back.
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
    /// Rows or definitions already there that a pending migration cannot live with. Nothing was changed.
    #[error("the database is not ready for this migration; nothing was changed{}", List(.0))]
    NotReady(Vec<Finding>),
    /// Going down would destroy what cannot be computed again, and nobody has accepted that. Nothing was changed.
    #[error("going down loses data; nothing was changed. Repeat with --accept-loss to go on{}", List(.0))]
    WouldLose(Vec<Finding>),
    /// A migration that is recorded as applied has another text now. Applied files are never edited.
    #[error("{migration} was applied with another text (recorded {recorded}, compiled in {compiled})")]
    Changed {
        /// The migration.
        migration: &'static str,
        /// Checksum in the database.
        recorded: String,
        /// Checksum of the file compiled in.
        compiled: String,
    },
    /// Another session held what we needed for as long as we were willing to wait.
    #[error("{what} was not free within {} s; something holds it for long. Running again goes on from here", .waited.as_secs())]
    Busy {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        waited: Duration,
    },
    /// An index was built and is not usable all the same.
    #[error("index {0} is still invalid after being built; look at the server's log")]
    InvalidIndex(String),
    /// There is no such version to go to.
    #[error("there is no migration {0}")]
    UnknownVersion(u32),
    /// The database has migrations that this program does not know, so it cannot take them down.
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

/// Wraps a driver error with the migration it happened in.
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
