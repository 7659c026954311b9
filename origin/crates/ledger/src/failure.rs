//! Why an operation of the ledger gave no answer.

use database::DatabaseError;
use shared::problem::ErrorCode;

use crate::rules::LedgerError;

/// A refusal, or a fault of ours. Either way nothing moved, or it is unknown and the same key tells.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerFailure {
    /// The request breaks a rule of the ledger.
    #[error(transparent)]
    Refused(#[from] LedgerError),
    /// The database gave no answer. The cause is for the log only.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Too many movements of one user are waiting, or got in each other's way. Nothing moved. The database is well, and other users'
    /// movements are made.
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
