//! `POST /auth/change-password`.

use axum::Json;
use axum::extract::State;
use shared::api::envelope::Success;
use shared::ids::UserId;
use users::AccountError;

use super::caller::LegacyCaller;
use super::failure::{LegacyCode, account_failure};
use crate::app::AppState;
use crate::http::body::JsonObject;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::success::success;

/// Replaces the caller's password.
pub async fn change_password(
    State(app): State<AppState>,
    LegacyCaller(user): LegacyCaller,
    context: RequestContext,
    mut body: JsonObject,
) -> Result<Json<Success<()>>, ApiError> {
    let current = body.typed_password("currentPassword");
    let new = body.new_password("newPassword");
    body.finish()?;
    let (Some(current), Some(new)) = (current, new) else {
        return Err(ApiError::invalid(Vec::new()));
    };
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
