//! Why an operation failed.

use database::DatabaseError;
use firebase::FirebaseError;
use limits::SlowDown;
use shared::token::Rejection;

use crate::passwords::TooBusy;
use crate::rules::user::UserError;

/// A refusal by the domain's rules, or a fault of ours.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OperationError {
    /// The user is refused.
    #[error(transparent)]
    User(#[from] UserError),
    /// The database gave no answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Other requests for the same user interfered at every attempt. The database is well.
    #[error("{0}: lost every race")]
    Contended(&'static str),
}

/// Why an account operation failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AccountError {
    /// No user has this address or username.
    #[error("There is no account with this e-mail address or username")]
    UnknownIdentifier,
    /// The password is not the user's.
    #[error("The password is wrong")]
    WrongPassword,
    /// The account is disabled at Firebase, which then does not check the password. The new contract gives a caller without proof of the
    /// password the usual answer.
    #[error("The account is disabled at Firebase")]
    DisabledThere,
    /// Another user has the address.
    #[error("The e-mail address is taken")]
    EmailExists,
    /// Another user has the username.
    #[error("The username is taken")]
    UsernameExists,
    /// The account has a second factor, and the caller did not show it: the user must sign in.
    #[error("The account has a second factor: sign in")]
    SecondFactorEnrolled,
    /// The password is right, but Firebase's policy requires a better one. The legacy service lets the user in.
    #[error("The password is no longer accepted: choose a new one")]
    ResetNeeded,
    /// A user import or another sign-in is moving the user and does not finish. The legacy service lets the user in.
    #[error("The account is being moved just now: try again in a moment")]
    BeingMoved,
    /// The user is refused.
    #[error(transparent)]
    User(#[from] UserError),
    /// Firebase refused, or did not answer.
    #[error(transparent)]
    Firebase(FirebaseError),
    /// The database gave no answer.
    #[error(transparent)]
    Operation(OperationError),
    /// This service refused a token from Firebase: the two configurations disagree.
    #[error("a token of Firebase was not accepted")]
    Token(#[from] Rejection),
    /// Too many passwords were tried; this one was not checked.
    #[error("too many passwords were tried")]
    SlowDown {
        /// Seconds until the next check.
        retry_after: u32,
    },
    /// Too many password checks are running.
    #[error(transparent)]
    TooBusy(#[from] TooBusy),
}

impl From<SlowDown> for AccountError {
    fn from(SlowDown { retry_after, .. }: SlowDown) -> Self {
        Self::SlowDown { retry_after }
    }
}

impl From<FirebaseError> for AccountError {
    fn from(error: FirebaseError) -> Self {
        match error {
            FirebaseError::EmailExists => Self::EmailExists,
            FirebaseError::InvalidCredentials => Self::WrongPassword,
            FirebaseError::Disabled => Self::DisabledThere,
            error => Self::Firebase(error),
        }
    }
}

impl From<OperationError> for AccountError {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::User(error) => Self::User(error),
            error => Self::Operation(error),
        }
    }
}

impl From<DatabaseError> for AccountError {
    fn from(error: DatabaseError) -> Self {
        Self::Operation(error.into())
    }
}
