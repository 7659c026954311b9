//! Why Firebase did not carry out a call.

use std::sync::Arc;

use shared::api::second_factor::SecondFactorChallenge;
use shared::problem::ErrorCode;

/// Why Firebase did not carry out a call. The texts are ours, except the message of a project's blocking function to the user.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FirebaseError {
    /// Another account has the address.
    #[error("The e-mail address is taken")]
    EmailExists,
    /// Another account has the uid.
    #[error("the uid is taken")]
    UidExists,
    /// The address and the password do not belong together, or there is no such account: Firebase does not say which.
    #[error("The e-mail or password is wrong")]
    InvalidCredentials,
    /// The account is disabled at Firebase.
    #[error("The account is disabled")]
    Disabled,
    /// No such account.
    #[error("there is no such account")]
    NotFound,
    /// The password, the address or the code of a second factor breaks Firebase's rules.
    #[error("The {0} is not accepted")]
    Invalid(&'static str),
    /// A sign-in, a refresh token or an action code is wrong, used up or expired.
    #[error("The {0} is invalid or has expired")]
    Stale(&'static str),
    /// The password is right, and the user must still show a second factor.
    #[error("A second factor is required")]
    SecondFactor(Box<PendingSignIn>),
    /// Too many attempts on one account, or from one address.
    #[error("Too many attempts: try again later")]
    TooManyAttempts,
    /// A blocking function of the project refused, with its message to the user, if any.
    #[error("A blocking function refused")]
    Blocked(Option<String>),
    /// A blocking function of the project crashed or took too long: no outage of Google, and no reason to skip the function.
    #[error("A blocking function failed")]
    BlockerFailed,
    /// The project's settings do not allow this, or Google does not understand the request. Definite: a repetition changes nothing.
    #[error("Firebase refused: {status} {code}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Google's code: upper-case letters, digits and `_`.
        code: String,
    },
    /// The project's quota is used up for a while.
    #[error("Firebase asks for a pause of {retry_after} s")]
    Exhausted {
        /// Seconds to wait before the next attempt.
        retry_after: u32,
    },
    /// This deployment has no API key or no service account, and the call needs one.
    #[error("Firebase is not configured for this: {0} is not set")]
    NotConfigured(&'static str),
    /// The API key or the service account of this deployment is wrong, or lacks a right.
    #[error("Firebase does not accept our credentials: {status} {code}")]
    OurCredentials {
        /// HTTP status.
        status: u16,
        /// Google's code.
        code: String,
    },
    /// No answer.
    #[error("Firebase is unavailable")]
    Unavailable(#[source] Arc<reqwest::Error>),
    /// Google failed, or its answer cannot be read.
    #[error("Firebase failed: {status} {code}")]
    Outage {
        /// HTTP status.
        status: u16,
        /// Google's code.
        code: String,
    },
}

/// A sign-in with a right password that waits for its second factor.
#[derive(Debug, Clone)]
pub struct PendingSignIn {
    /// The account.
    pub uid: String,
    /// What the client needs for the second step.
    pub challenge: SecondFactorChallenge,
}

impl FirebaseError {
    /// The stable code on the wire.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::EmailExists | Self::UidExists => ErrorCode::EmailExists,
            Self::InvalidCredentials | Self::NotFound => ErrorCode::InvalidCredentials,
            Self::Disabled => ErrorCode::UserDisabled,
            Self::Invalid(_) => ErrorCode::ValidationError,
            Self::Stale(_) => ErrorCode::TokenExpired,
            Self::SecondFactor(_) => ErrorCode::SecondFactorRequired,
            Self::TooManyAttempts => ErrorCode::RateLimited,
            Self::Blocked(_) | Self::BlockerFailed | Self::Refused { .. } => ErrorCode::SignInBlocked,
            Self::Exhausted { .. }
            | Self::NotConfigured(_)
            | Self::OurCredentials { .. }
            | Self::Unavailable(_)
            | Self::Outage { .. } => ErrorCode::FirebaseUnavailable,
        }
    }

    /// Whether the caller caused it and may read its text.
    #[must_use]
    pub const fn is_the_callers(&self) -> bool {
        !matches!(
            self.code(),
            ErrorCode::FirebaseUnavailable | ErrorCode::SignInBlocked | ErrorCode::SecondFactorRequired
        )
    }

    /// Whether a later attempt may succeed.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Outage { .. } | Self::TooManyAttempts | Self::Exhausted { .. } => {
                true
            }
            // Google revoked the access token early.
            Self::OurCredentials { status, .. } => *status == 401,
            _ => false,
        }
    }

    /// Seconds to wait before the next attempt, where Google gives them.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Exhausted { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// The HTTP status of Google's answer, where it is still known.
    pub(super) const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. }
            | Self::OurCredentials { status, .. }
            | Self::Outage { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl From<reqwest::Error> for FirebaseError {
    fn from(error: reqwest::Error) -> Self {
        // The URL holds the API key.
        Self::Unavailable(Arc::new(error.without_url()))
    }
}
