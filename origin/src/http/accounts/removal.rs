//! `DELETE /v1/auth/user`.

use axum::Json;
use axum::extract::FromRequest as _;
use axum::extract::Request;
use axum::extract::State;
use serde::Deserialize;
use shared::api::envelope::Success;
use shared::ids::UserId;
use shared::problem::ErrorCode;
use users::accounts::is_recent_sign_in;
use users::audit::Actor;

use crate::app::AppState;
use crate::clock;
use crate::http::body::Fields;
use crate::http::context::RequestContext;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::fields::TypedPassword;
use crate::http::identity::Identity;
use crate::http::openapi::{ACCOUNTS, OF_FIREBASE, of_users};
use crate::http::success::success;

/// The proof that the caller is the owner of the account.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct LeaveBody {
    /// Not required within five minutes of a sign-in at Firebase.
    #[schema(required = false)]
    password: TypedPassword,
}

/// Delete the caller's account, at Firebase and here
///
/// Requires the password, or a sign-in at Firebase younger than five minutes: a stolen token alone is not enough.
#[utoipa::path(delete, path = "/v1/auth/user", operation_id = "deleteUser", tag = ACCOUNTS, security(("bearer" = [])),
    request_body = Option<LeaveBody>,
    responses((status = 200, description = "Account deleted")),
    extensions(("x-fails" = json!([of_users(), [OF_FIREBASE.as_slice(), &[ErrorCode::InvalidCredentials]]]))))]
pub async fn remove(
    State(app): State<AppState>,
    Identity(identity): Identity,
    CurrentUser(user): CurrentUser,
    context: RequestContext,
    request: Request,
) -> Result<Json<Success<()>>, ApiError> {
    if !is_recent_sign_in(&identity, clock::now()) {
        let body: LeaveBody = Fields::from_request(request, &app).await?.read()?;
        app.accounts
            .prove_password(UserId(user.user().id), &body.password.0, &context.source())
            .await?;
    }
    app.accounts
        .close(UserId(user.user().id), &Actor::user(), &context.source())
        .await?;
    Ok(success((), "User deleted successfully"))
}
