//! Why an operation gave no result.

use database::DatabaseError;

use crate::domain::user::UserError;

/// A refusal in the words of the domain, or a fault of ours.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OperationError {
    /// The person is not served.
    #[error(transparent)]
    User(#[from] UserError),
    /// The database gave no answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Other requests for the same user kept getting in between, as often as we were willing to look again. The database is well.
    #[error("{0}: lost every race")]
    Contended(&'static str),
}
