//! A failed request: the text for the caller, and separately the cause for the log. The two never mix.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use database::DatabaseError;
use firebase::FirebaseError;
use ledger::LedgerFailure;
use shared::fallback::Dependency;
use shared::problem::{ErrorCode, Problem, wants_problem_json};
use shared::time::UnixTime;
use shared::token::Rejection;
use users::AccountError;
use users::OperationError;
use users::rules::user::UserError;

use crate::telemetry::Causes;

/// The queue of password checks is this short: a longer wait gains nothing.
const PASSWORD_QUEUE_SECONDS: u32 = 5;
/// Contention for one user ends within moments.
const CONTENTION_SECONDS: u32 = 1;
/// A move of a user ends within seconds, unless its process was killed.
const MOVE_SECONDS: u32 = 10;

/// A failed request. [`super::request_log`] renders the body, since it knows the request's id and the accepted types.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    problem: Problem,
    /// The reason, finer than the code; for logs and metrics.
    reason: Option<&'static str>,
    /// The internal cause; for the log only.
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// The failure `code` with its own message.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self::from(Problem::new(code))
    }

    /// Sets the message of this occurrence. Never with text from the request's secrets or from a cause.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.problem.message = message.into();
        self
    }

    /// One line per broken field.
    #[must_use]
    pub fn invalid(details: Vec<String>) -> Self {
        Self::from(Problem::new(ErrorCode::ValidationError).details(details))
    }

    /// Adds the internal cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Arc::new(cause));
        self
    }

    /// Adds a reason, finer than the code.
    #[must_use]
    pub fn reason(mut self, reason: &'static str) -> Self {
        self.0.reason = Some(reason);
        self
    }

    /// Too many requests for one user at once. Not 503, which the edge counts as an outage of the database: a busy user must not open the
    /// breaker for all users.
    fn contended() -> Self {
        let problem = Problem::new(ErrorCode::RateLimited)
            .retry_after(CONTENTION_SECONDS)
            .message("Too many requests for this user at once");
        Self::from(problem).reason("contended")
    }

    /// The problem for the caller.
    pub(super) fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// The failed dependency, for the edge.
    pub(super) fn lacks(&self) -> Option<Dependency> {
        Dependency::behind(self.0.problem.code)
    }

    /// The reason, finer than the code.
    pub(super) fn log_reason(&self) -> Option<&'static str> {
        self.0.reason
    }

    /// The internal cause, with all causes beneath it.
    pub(super) fn log_cause(&self) -> Option<String> {
        let cause = self.0.cause.as_deref()?;
        Some(Causes(cause).to_string())
    }

    /// The whole answer: the envelope, or RFC 9457 for callers that ask for it.
    pub(super) fn render(
        &self,
        accept: Option<&str>,
        request_id: &str,
        path: &str,
        now: UnixTime,
    ) -> Response {
        let problem = &self.0.problem;
        let (media, body) = if wants_problem_json(accept) {
            ("application/problem+json", problem.problem_json(request_id, path))
        } else {
            ("application/json", problem.envelope(request_id, now))
        };
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(header::CONTENT_TYPE, media)], body).into_response();
        let headers = response.headers_mut();
        if let Some(challenge) = problem
            .challenge()
            .and_then(|text| HeaderValue::try_from(text).ok())
        {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = problem.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(Inner {
            problem,
            reason: None,
            cause: None,
        }))
    }
}

impl From<UserError> for ApiError {
    fn from(error: UserError) -> Self {
        Self::new(error.code()).message(error.to_string())
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        let code = error.code();
        let failed = Self::new(code).caused_by(error);
        match code {
            ErrorCode::ValidationError => failed
                .message("A value in the request is out of range or cannot be stored")
                .reason("data_exception"),
            _ => failed,
        }
    }
}

impl From<OperationError> for ApiError {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::User(error) => error.into(),
            OperationError::Database(error) => error.into(),
            OperationError::Contended(_) => Self::contended().caused_by(error),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::UnknownIdentifier | AccountError::WrongPassword => {
                Self::new(ErrorCode::InvalidCredentials)
            }
            AccountError::DisabledThere => {
                Self::new(ErrorCode::InvalidCredentials).reason("disabled_at_firebase")
            }
            AccountError::SecondFactorEnrolled => {
                Self::new(ErrorCode::SecondFactorRequired).message(error.to_string())
            }
            // 409: the edge then asks the legacy service, which has this password.
            AccountError::ResetNeeded => Self::new(ErrorCode::AccountLinkConflict)
                .message(error.to_string())
                .reason("reset_needed"),
            // The same: contention for one user must not count as an outage of the database, as 503 would.
            AccountError::BeingMoved => {
                let problem = Problem::new(ErrorCode::AccountLinkConflict).retry_after(MOVE_SECONDS);
                Self::from(problem.message(error.to_string())).reason("being_moved")
            }
            AccountError::EmailExists => Self::new(ErrorCode::EmailExists),
            AccountError::UsernameExists => Self::new(ErrorCode::UsernameExists),
            AccountError::User(error) => error.into(),
            AccountError::Operation(error) => error.into(),
            AccountError::Firebase(error) => error.into(),
            // This service refused Google's own token: the caller cannot correct that.
            AccountError::Token(_) => Self::new(ErrorCode::FirebaseUnavailable).caused_by(error),
            AccountError::SlowDown { retry_after } => {
                Self::from(Problem::new(ErrorCode::RateLimited).retry_after(retry_after)).reason("guesses")
            }
            AccountError::TooBusy(_) => {
                Self::from(Problem::new(ErrorCode::RateLimited).retry_after(PASSWORD_QUEUE_SECONDS))
                    .reason("password_queue_full")
            }
        }
    }
}

impl From<FirebaseError> for ApiError {
    fn from(error: FirebaseError) -> Self {
        match error {
            FirebaseError::SecondFactor(pending) => Self::from(Problem::second_factor(pending.challenge)),
            FirebaseError::Blocked(Some(message)) => Self::new(ErrorCode::SignInBlocked)
                .message(message)
                .reason("blocking_function"),
            FirebaseError::Blocked(None) => Self::new(ErrorCode::SignInBlocked).reason("blocking_function"),
            FirebaseError::BlockerFailed => Self::new(ErrorCode::SignInBlocked)
                .message("The sign-in could not be checked: try again later")
                .reason("blocking_function_failed")
                .caused_by(error),
            FirebaseError::Refused { .. } => Self::new(ErrorCode::SignInBlocked)
                .message("The settings of the project do not allow this")
                .reason("refused_by_firebase")
                .caused_by(error),
            error if error.is_the_callers() => Self::new(error.code()).message(error.to_string()),
            error => {
                let mut problem = Problem::new(error.code());
                if let Some(seconds) = error.retry_after() {
                    problem = problem.retry_after(seconds);
                }
                Self::from(problem).caused_by(error)
            }
        }
    }
}

impl From<LedgerFailure> for ApiError {
    fn from(fault: LedgerFailure) -> Self {
        match fault {
            LedgerFailure::Refused(error) => Self::new(error.code()).message(error.to_string()),
            LedgerFailure::Database(error) => error.into(),
            LedgerFailure::Busy => Self::contended().caused_by(fault),
        }
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let mut problem = Problem::new(rejection.code()).message(rejection.to_string());
        if let Some(seconds) = rejection.retry_after() {
            problem = problem.retry_after(seconds);
        }
        Self::from(problem).reason(rejection.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contention_for_one_user_is_not_a_database_outage() {
        for (error, status, reason) in [
            (ApiError::from(LedgerFailure::Busy), 429, "contended"),
            (OperationError::Contended("test").into(), 429, "contended"),
            (AccountError::BeingMoved.into(), 409, "being_moved"),
        ] {
            assert_eq!(error.problem().status, status, "{error:?}");
            assert!(
                error.problem().retry_after.is_some_and(|seconds| seconds > 0),
                "{error:?}"
            );
            assert_eq!(error.log_reason(), Some(reason));
            // The edge's breaker reads this.
            assert_eq!(error.lacks(), None, "{error:?}");
        }
    }

    #[test]
    fn database_outage_names_the_database() {
        let error = ApiError::from(LedgerFailure::from(sqlx::Error::WorkerCrashed));
        assert_eq!(
            (error.problem().status, error.lacks()),
            (503, Some(Dependency::Database))
        );
    }
}
