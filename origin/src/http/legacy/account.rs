//! `DELETE /auth/account` and `POST /auth/logout`.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::api::envelope::Success;
use shared::ids::UserId;
use shared::problem::ErrorCode;
use users::audit::Actor;

use super::caller::{LegacyCaller, of_callers};
use super::failure::{LegacyCode, account_failure};
use crate::app::AppState;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::identity::Identity;
use crate::http::openapi::{LEGACY, OF_FIREBASE};
use crate::http::success::success;

/// The legacy service's report of a closed account. Nested twice: clients' types depend on it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AccountDeleted {
    message: &'static str,
    data: DeletedFacts,
}

/// The facts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletedFacts {
    deleted_at: DateTime<Utc>,
    original_email: Option<String>,
}

/// Delete the caller's account
#[utoipa::path(delete, path = "/auth/account", operation_id = "legacyDeleteAccount", tag = LEGACY, security(("bearer" = [])),
    responses((status = 200, description = "Account deleted", body = AccountDeleted)),
    extensions(("x-fails" = json!([of_callers(), [OF_FIREBASE.as_slice(), &[ErrorCode::UserNotFound]]]))))]
pub async fn close(
    State(app): State<AppState>,
    LegacyCaller(user): LegacyCaller,
    Identity(identity): Identity,
    context: RequestContext,
) -> Result<Json<Success<AccountDeleted>>, ApiError> {
    // This contract requires no password, and a session from a legacy token is no sign-in: its holder may have stolen the token.
    if identity.sign_in_provider.as_deref() == Some("custom") {
        return Err(LegacyCode::Unauthorized.into());
    }
    let id = UserId(user.user().id);
    let closed = app
        .accounts
        .close(id, &Actor::user(), &context.source())
        .await
        .map_err(account_failure)?;
    let data = DeletedFacts {
        deleted_at: closed.deleted_at,
        original_email: closed.original_email,
    };
    Ok(success(
        AccountDeleted {
            message: "Account deleted successfully",
            data,
        },
        "Success",
    ))
}

/// Log out (no-op: legacy tokens are not revoked)
///
/// `POST /v1/auth/logout` revokes them.
#[utoipa::path(post, path = "/auth/logout", operation_id = "legacyLogout", tag = LEGACY, security(("bearer" = [])),
    responses((status = 200, description = "Nothing was revoked")),
    extensions(("x-fails" = json!(of_callers()))))]
pub async fn logout(LegacyCaller(_): LegacyCaller) -> Json<Success<()>> {
    success((), "Logout successful")
}
