//! `POST /v1/auth/confirm-password`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::api::envelope::Success;
use shared::problem::ErrorCode;
use users::accounts::is_recent_sign_in;

use super::signed_in::{OF_SIGN_IN, Session};
use crate::app::AppState;
use crate::clock;
use crate::http::body::Body;
use crate::http::context::RequestContext;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::fields::TypedPassword;
use crate::http::identity::Identity;
use crate::http::openapi::{ACCOUNTS, OF_FIREBASE, of_users};
use crate::http::success::success;

/// The password from before the address was proven.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ConfirmPasswordBody {
    password: TypedPassword,
}

/// Make the password from before the e-mail address was proven valid again
///
/// Requires a sign-in at Firebase in the last five minutes, with a token that says email_verified. Other sessions end.
#[utoipa::path(post, path = "/v1/auth/confirm-password", operation_id = "confirmPassword", tag = ACCOUNTS, security(("bearer" = [])),
    request_body = ConfirmPasswordBody,
    responses((status = 200, description = "Password confirmed; a new session", body = Session)),
    extensions(("x-fails" = json!([of_users(), [OF_FIREBASE.as_slice(), &OF_SIGN_IN, &[ErrorCode::InvalidCredentials]]]))))]
pub async fn confirm(
    State(app): State<AppState>,
    Identity(identity): Identity,
    CurrentUser(user): CurrentUser,
    context: RequestContext,
    Body(body): Body<ConfirmPasswordBody>,
) -> Result<Json<Success<Session>>, ApiError> {
    // Another user may know the old password; it alone proves nothing.
    if !identity.email_verified || !is_recent_sign_in(&identity, clock::now()) {
        return Err(ApiError::new(ErrorCode::TokenRevoked)
            .message("Sign in again, by a way that proves the e-mail address, at most five minutes before"));
    }
    let signed_in = app
        .accounts
        .confirm_password(&user, &body.password.0, &context.source())
        .await?;
    Ok(success(signed_in.into(), "Password confirmed successfully"))
}
