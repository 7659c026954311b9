//! Why an operation gave no result.

use database::DatabaseError;
use firebase::FirebaseError;
use limits::SlowDown;
use shared::token::Rejection;

use crate::passwords::TooBusy;
use crate::rules::user::UserError;

/// A refusal in the words of the domain, or a fault of ours.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OperationError {
    /// The user is not served.
    #[error(transparent)]
    User(#[from] UserError),
    /// The database gave no answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Other requests for the same user kept getting in between, as often as we were willing to look again. The database is well.
    #[error("{0}: lost every race")]
    Contended(&'static str),
}

/// Why an account operation did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AccountError {
    /// Nobody has this address or username.
    #[error("There is no account with this e-mail address or username")]
    UnknownIdentifier,
    /// It is not their password.
    #[error("The password is wrong")]
    WrongPassword,
    /// The account is disabled at Firebase, which then does not look at the password. To somebody who may not know it, the new
    /// contract says what it says to everybody.
    #[error("The account is disabled at Firebase")]
    DisabledThere,
    /// The address belongs to somebody.
    #[error("The e-mail address is taken")]
    EmailExists,
    /// The username belongs to somebody.
    #[error("The username is taken")]
    UsernameExists,
    /// The account has a second factor, and what was shown is none: the user has to sign in.
    #[error("The account has a second factor: sign in")]
    SecondFactorEnrolled,
    /// The password is right and Firebase does not accept it: its policy wants a better one. The legacy service lets the user in.
    #[error("The password is no longer accepted: choose a new one")]
    ResetNeeded,
    /// The bulk migration, or another sign-in, is moving the user and does not get done. The legacy service lets the user in.
    #[error("The account is being moved just now: try again in a moment")]
    BeingMoved,
    /// The user is not served.
    #[error(transparent)]
    User(#[from] UserError),
    /// Firebase refused, or did not answer.
    #[error(transparent)]
    Firebase(FirebaseError),
    /// The database gave no answer.
    #[error(transparent)]
    Operation(OperationError),
    /// A token that Firebase gave was not accepted here: the configuration of the two disagrees.
    #[error("a token of Firebase was not accepted")]
    Token(#[from] Rejection),
    /// Too many passwords were tried; this one was not looked at.
    #[error("too many passwords were tried")]
    SlowDown {
        /// Seconds until one is looked at again.
        retry_after: u32,
    },
    /// Too many passwords are being checked.
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
