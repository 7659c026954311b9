//! The callers of the legacy contract.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use shared::problem::ErrorCode;
use users::rules::user::ActiveUser;

use super::failure::{LegacyCode, credential_failure};
use crate::app::AppState;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::openapi::Failure;
use crate::http::service_caller::ServiceCaller;

/// The refusals of a call with a user's credential.
pub fn of_callers() -> Vec<Failure> {
    let credentials = [
        LegacyCode::Unauthorized,
        LegacyCode::InvalidToken,
        LegacyCode::TokenExpired,
        LegacyCode::TokenUserNotFound,
    ];
    let users = [
        ErrorCode::UserDisabled,
        ErrorCode::AccountLinkConflict,
        ErrorCode::KeysUnavailable,
        ErrorCode::DatabaseUnavailable,
    ];
    credentials
        .map(Failure::from)
        .into_iter()
        .chain(users.map(Failure::from))
        .collect()
}

/// The active user behind the request's credential.
#[derive(Debug)]
pub struct LegacyCaller(pub ActiveUser);

impl FromRequestParts<AppState> for LegacyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let CurrentUser(user) = CurrentUser::from_request_parts(parts, app)
            .await
            .map_err(credential_failure)?;
        Ok(Self(user))
    }
}

/// One of our services. The legacy service answers 401 to all other callers.
#[derive(Debug)]
pub struct LegacyService(pub ServiceCaller);

impl FromRequestParts<AppState> for LegacyService {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let caller = ServiceCaller::from_request_parts(parts, app).await;
        caller.map(Self).map_err(|_| LegacyCode::Unauthorized.into())
    }
}
