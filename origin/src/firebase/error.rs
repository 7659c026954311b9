//! Why Firebase did not do what was asked.

use std::sync::Arc;

use shared::problem::ErrorCode;

/// Why Firebase did not do what was asked. Its texts are ours; Google's are never shown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FirebaseError {
    /// The address has an account.
    #[error("The e-mail address is taken")]
    EmailExists,
    /// The uid has an account.
    #[error("the uid is taken")]
    UidExists,
    /// Address and password do not belong together, or there is no such account: Firebase does not say which.
    #[error("The e-mail or password is wrong")]
    InvalidCredentials,
    /// The account is disabled at Firebase.
    #[error("The account is disabled")]
    Disabled,
    /// No such account.
    #[error("there is no such account")]
    NotFound,
    /// The password or the address breaks Firebase's rules.
    #[error("The {0} is not accepted")]
    Invalid(&'static str),
    /// A refresh token or an action code that is wrong, used up or expired.
    #[error("The {0} is invalid or has expired")]
    Stale(&'static str),
    /// Too many attempts on one account, or from one address.
    #[error("Too many attempts: try again later")]
    TooManyAttempts,
    /// The project's quota is used up: nobody's doing, and over in a while.
    #[error("Firebase asks for a pause of {retry_after} s")]
    Exhausted {
        /// Seconds until it is worth asking again.
        retry_after: u32,
    },
    /// This deployment has no API key, or no service account, for what was asked.
    #[error("Firebase is not configured for this: {0} is not set")]
    NotConfigured(&'static str),
    /// No answer, or one that makes no sense.
    #[error("Firebase is unavailable")]
    Unavailable(#[source] Arc<reqwest::Error>),
    /// A refusal that is not about the caller: wrong key, missing right, disabled product, or a code unknown to us.
    #[error("Firebase refused: {status} {code}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Google's code, upper-case letters and `_` only.
        code: String,
    },
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
            Self::TooManyAttempts => ErrorCode::RateLimited,
            Self::Exhausted { .. } | Self::NotConfigured(_) | Self::Unavailable(_) | Self::Refused { .. } => {
                ErrorCode::FirebaseUnavailable
            }
        }
    }

    /// Whether it is the caller's doing, so that its text may be shown.
    #[must_use]
    pub const fn is_the_callers(&self) -> bool {
        !matches!(
            self,
            Self::Exhausted { .. } | Self::NotConfigured(_) | Self::Unavailable(_) | Self::Refused { .. }
        )
    }

    /// Seconds until it is worth asking again, where Google says so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Exhausted { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// Reads an error answer. `message` is `CODE` or `CODE : explanation`.
    pub(super) fn from_answer(status: u16, message: &str) -> Self {
        let code = message.split([' ', ':']).next().unwrap_or_default();
        match code {
            "EMAIL_EXISTS" | "DUPLICATE_EMAIL" => Self::EmailExists,
            "DUPLICATE_LOCAL_ID" => Self::UidExists,
            // Which of these comes depends on the project's e-mail enumeration protection.
            "EMAIL_NOT_FOUND" | "INVALID_PASSWORD" | "INVALID_LOGIN_CREDENTIALS" => Self::InvalidCredentials,
            "USER_DISABLED" => Self::Disabled,
            "USER_NOT_FOUND" => Self::NotFound,
            "INVALID_EMAIL" | "MISSING_EMAIL" => Self::Invalid("e-mail address"),
            "WEAK_PASSWORD" | "MISSING_PASSWORD" | "PASSWORD_DOES_NOT_MEET_REQUIREMENTS" => {
                Self::Invalid("password")
            }
            "TOKEN_EXPIRED" | "INVALID_REFRESH_TOKEN" | "MISSING_REFRESH_TOKEN" | "INVALID_GRANT_TYPE" => {
                Self::Stale("refresh token")
            }
            "INVALID_ID_TOKEN" | "CREDENTIAL_TOO_OLD_LOGIN_AGAIN" => Self::Stale("sign-in"),
            "EXPIRED_OOB_CODE" | "INVALID_OOB_CODE" | "MISSING_OOB_CODE" => Self::Stale("code"),
            "TOO_MANY_ATTEMPTS_TRY_LATER" | "RESET_PASSWORD_EXCEED_LIMIT" => Self::TooManyAttempts,
            "QUOTA_EXCEEDED" | "RESOURCE_EXHAUSTED" => Self::Exhausted { retry_after: 1 },
            _ if status == 429 => Self::Exhausted { retry_after: 1 },
            _ => Self::Refused {
                status,
                code: code
                    .chars()
                    .filter(|c| c.is_ascii_uppercase() || *c == '_')
                    .take(64)
                    .collect(),
            },
        }
    }
}

impl From<reqwest::Error> for FirebaseError {
    fn from(error: reqwest::Error) -> Self {
        // The URL holds the API key.
        Self::Unavailable(Arc::new(error.without_url()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn googles_codes_have_their_meaning() {
        for (message, code) in [
            ("EMAIL_EXISTS", "EMAIL_EXISTS"),
            ("EMAIL_NOT_FOUND", "INVALID_CREDENTIALS"),
            ("INVALID_PASSWORD", "INVALID_CREDENTIALS"),
            ("INVALID_LOGIN_CREDENTIALS", "INVALID_CREDENTIALS"),
            ("USER_DISABLED", "USER_DISABLED"),
            (
                "WEAK_PASSWORD : Password should be at least 6 characters",
                "VALIDATION_ERROR",
            ),
            (
                "TOO_MANY_ATTEMPTS_TRY_LATER : Access to this account",
                "RATE_LIMITED",
            ),
            ("INVALID_REFRESH_TOKEN", "TOKEN_EXPIRED"),
            ("CONFIGURATION_NOT_FOUND", "FIREBASE_UNAVAILABLE"),
            ("", "FIREBASE_UNAVAILABLE"),
        ] {
            assert_eq!(
                FirebaseError::from_answer(400, message).code().as_str(),
                code,
                "{message}"
            );
        }
    }

    #[test]
    fn an_unknown_code_is_kept_without_its_text() {
        let error = FirebaseError::from_answer(403, "PERMISSION_DENIED: caller a@b.de lacks it");
        assert_eq!(error.to_string(), "Firebase refused: 403 PERMISSION_DENIED");
        assert!(!error.is_the_callers());
    }
}
