//! `POST /v1/auth/confirm-password`.

use axum::Json;
use axum::extract::State;
use shared::api::envelope::Success;
use shared::problem::ErrorCode;
use users::accounts::is_recent_sign_in;

use super::Session;
use crate::app::AppState;
use crate::clock;
use crate::http::body::JsonObject;
use crate::http::context::RequestContext;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::identity::Identity;
use crate::http::success::success;

/// Makes the password of before the caller proved their address count again. Needs a sign-in at Firebase of the last five minutes that says
/// that the address is proven: whoever knows the old password may be somebody else.
pub async fn confirm(
    State(app): State<AppState>,
    Identity(identity): Identity,
    CurrentUser(user): CurrentUser,
    context: RequestContext,
    mut body: JsonObject,
) -> Result<Json<Success<Session>>, ApiError> {
    let password = body.typed_password("password");
    body.finish()?;
    if !identity.email_verified || !is_recent_sign_in(&identity, clock::now()) {
        return Err(ApiError::new(ErrorCode::TokenRevoked)
            .message("Sign in again, by a way that proves the e-mail address, at most five minutes before"));
    }
    let Some(password) = password else {
        return Err(ApiError::invalid(Vec::new()));
    };
    let signed_in = app
        .accounts
        .confirm_password(&user, &password, &context.source())
        .await?;
    Ok(success(signed_in.into(), "Password confirmed successfully"))
}
