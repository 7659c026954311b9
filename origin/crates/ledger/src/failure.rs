//! Why an operation of the ledger failed.

use database::DatabaseError;
use shared::problem::ErrorCode;

use crate::rules::LedgerError;

/// A refusal, or a fault of ours. Either no tokens moved, or it is unknown: a retry with the same key finds out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerFailure {
    /// The request breaks a rule of the ledger.
    #[error(transparent)]
    Refused(#[from] LedgerError),
    /// The database gave no answer. Only the log shows the cause.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Too many movements of one user wait, or they conflicted. No tokens moved. The database is well, and movements of other users go on.
    #[error("too many movements of this user at once")]
    Busy,
}

impl LedgerFailure {
    /// The stable code on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(error) => error.code(),
            Self::Database(error) => error.code(),
            Self::Busy => ErrorCode::RateLimited,
        }
    }
}

impl From<sqlx::Error> for LedgerFailure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
