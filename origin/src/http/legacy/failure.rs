//! Failures in the codes of the legacy service.

use firebase::FirebaseError;
use ledger::{LedgerError, LedgerFailure};
use serde::{Serialize, Serializer};
use shared::problem::{Details, ErrorCode, Problem};
use users::AccountError;
use users::rules::user::UserError;

use crate::http::error::ApiError;
use crate::http::openapi::Failure;

/// A code of the legacy service with its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyCode {
    /// No credential, or none that is accepted.
    Unauthorized,
    /// The token is malformed.
    InvalidToken,
    /// The token has expired.
    TokenExpired,
    /// The token's user is gone.
    TokenUserNotFound,
    /// No user has this address or username.
    IdentifierNotFound,
    /// The password is not the user's.
    InvalidPassword,
    /// The current password is wrong.
    InvalidCurrentPassword,
    /// The address is taken.
    EmailExists,
    /// The username is taken.
    UsernameExists,
    /// There is no such school.
    InvalidSchoolId,
    /// There is no profile.
    ProfileNotFound,
    /// The balance does not cover the amount.
    InsufficientTokens,
}

impl LegacyCode {
    const fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Unauthorized => (401, "UNAUTHORIZED", "Authentication is required"),
            Self::InvalidToken => (401, "INVALID_TOKEN", "Invalid token"),
            Self::TokenExpired => (401, "TOKEN_EXPIRED", "Token has expired"),
            Self::TokenUserNotFound => (401, "USER_NOT_FOUND", "User not found"),
            Self::IdentifierNotFound => (
                404,
                "IDENTIFIER_NOT_FOUND",
                "No account with this e-mail address or username",
            ),
            Self::InvalidPassword => (401, "INVALID_PASSWORD", "Invalid password"),
            Self::InvalidCurrentPassword => (400, "INVALID_PASSWORD", "The current password is wrong"),
            Self::EmailExists => (400, "EMAIL_EXISTS", "Email already exists"),
            Self::UsernameExists => (400, "USERNAME_EXISTS", "Username already exists"),
            Self::InvalidSchoolId => (400, "INVALID_SCHOOL_ID", "There is no such school"),
            Self::ProfileNotFound => (404, "PROFILE_NOT_FOUND", "Profile not found"),
            Self::InsufficientTokens => (400, "INSUFFICIENT_TOKENS", "Insufficient token balance"),
        }
    }
}

impl From<LegacyCode> for Failure {
    fn from(code: LegacyCode) -> Self {
        let (status, code, title) = code.parts();
        Self {
            status,
            code: code.into(),
            title: title.into(),
        }
    }
}

impl Serialize for LegacyCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Failure::from(*self).serialize(serializer)
    }
}

impl From<LegacyCode> for ApiError {
    fn from(code: LegacyCode) -> Self {
        let (status, code, message) = code.parts();
        Self::from(Problem {
            status,
            code,
            title: message,
            message: message.into(),
            details: Details::Fields(Vec::new()),
            retry_after: None,
            bearer_error: match (status, code) {
                (401, "UNAUTHORIZED") => Some(""),
                (401, "TOKEN_EXPIRED" | "INVALID_TOKEN" | "USER_NOT_FOUND") => Some("invalid_token"),
                _ => None,
            },
        })
    }
}

/// A failed credential with the legacy service's code; anything but a 401 stays as it is.
pub fn credential_failure(error: ApiError) -> ApiError {
    let problem = error.problem();
    let code = match (problem.status, problem.code) {
        (401, code) if code == ErrorCode::TokenMissing.as_str() => LegacyCode::Unauthorized,
        (401, code) if code == ErrorCode::TokenExpired.as_str() => LegacyCode::TokenExpired,
        (401, _) => LegacyCode::InvalidToken,
        (404, code) if code == ErrorCode::UserNotFound.as_str() => LegacyCode::TokenUserNotFound,
        _ => return error,
    };
    let reason = error.log_reason();
    let failure = ApiError::from(code);
    match reason {
        Some(reason) => failure.reason(reason),
        None => failure,
    }
}

/// A failed sign-in or registration.
pub fn account_failure(error: AccountError) -> ApiError {
    match error {
        AccountError::UnknownIdentifier => LegacyCode::IdentifierNotFound.into(),
        AccountError::WrongPassword => LegacyCode::InvalidPassword.into(),
        // This contract reveals who has an account.
        AccountError::DisabledThere => UserError::Disabled.into(),
        AccountError::EmailExists => LegacyCode::EmailExists.into(),
        AccountError::UsernameExists => LegacyCode::UsernameExists.into(),
        // This contract has no second step.
        AccountError::Firebase(FirebaseError::SecondFactor(_)) => {
            ApiError::new(ErrorCode::SecondFactorRequired)
        }
        error => error.into(),
    }
}

/// A refused change of the balance.
pub fn ledger_failure(fault: LedgerFailure) -> ApiError {
    match fault {
        LedgerFailure::Refused(LedgerError::InsufficientTokens) => LegacyCode::InsufficientTokens.into(),
        fault => fault.into(),
    }
}

/// The token is good, and its user has no row (any more).
pub fn gone() -> ApiError {
    UserError::NotFound.into()
}
