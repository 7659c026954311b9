//! Why a user import stopped, and the pause before the next attempt.

use std::time::Duration;

use database::DatabaseError;
use firebase::FirebaseError;

/// The first pause after a failed call; each further failure doubles it, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why a user import stopped. The work so far is kept; the import may be resumed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ImportError {
    /// The database gave no answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Firebase refused, or did not answer.
    #[error(transparent)]
    Firebase(#[from] FirebaseError),
}

impl ImportError {
    /// Whether a later attempt can succeed.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => matches!(error, DatabaseError::Unavailable(_)),
            Self::Firebase(error) => error.is_transient(),
        }
    }

    /// The pause after so many failures in a row.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        match self {
            Self::Database(_) => our_pause(failures),
            Self::Firebase(error) => pause(error, failures),
        }
    }

    /// The code that is stored with the users of the ended turn.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Database(_) => "DATABASE_UNAVAILABLE",
            Self::Firebase(error) => error.code().as_str(),
        }
    }
}

/// As long as Google asks for, if it does.
pub(super) fn pause(error: &FirebaseError, failures: u32) -> Duration {
    let asked = Duration::from_secs(u64::from(error.retry_after().unwrap_or(0)));
    our_pause(failures).max(asked)
}

fn our_pause(failures: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(failures))
        .min(LONGEST_PAUSE)
}
