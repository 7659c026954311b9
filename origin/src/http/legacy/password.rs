//! `POST /auth/change-password`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::api::envelope::Success;
use shared::ids::UserId;
use shared::problem::ErrorCode;
use users::AccountError;

use super::caller::{LegacyCaller, of_callers};
use super::failure::{LegacyCode, account_failure};
use crate::app::AppState;
use crate::http::body::Body;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::fields::{NewPassword, TypedPassword};
use crate::http::openapi::{LEGACY, OF_FIREBASE};
use crate::http::success::success;

/// The old password and the new one.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordChangeBody {
    current_password: TypedPassword,
    new_password: NewPassword,
}

/// Change the caller's password
#[utoipa::path(post, path = "/auth/change-password", operation_id = "legacyChangePassword", tag = LEGACY, security(("bearer" = [])),
    request_body = PasswordChangeBody,
    responses((status = 200, description = "Password changed")),
    extensions(("x-fails" = json!([of_callers(), OF_FIREBASE, LegacyCode::InvalidCurrentPassword, ErrorCode::UserNotFound]))))]
pub async fn change_password(
    State(app): State<AppState>,
    LegacyCaller(user): LegacyCaller,
    context: RequestContext,
    Body(body): Body<PasswordChangeBody>,
) -> Result<Json<Success<()>>, ApiError> {
    let (current, new) = (body.current_password.0, body.new_password.0);
    let id = UserId(user.user().id);
    match app
        .accounts
        .change_password(id, &current, &new, &context.source())
        .await
    {
        Ok(()) => Ok(success((), "Password changed successfully")),
        Err(AccountError::WrongPassword) => Err(LegacyCode::InvalidCurrentPassword.into()),
        Err(error) => Err(account_failure(error)),
    }
}
