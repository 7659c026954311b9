//! `DELETE /v1/auth/user`.

use axum::Json;
use axum::extract::FromRequest as _;
use axum::extract::Request;
use axum::extract::State;
use shared::api::envelope::Success;
use shared::ids::UserId;
use shared::problem::ErrorCode;
use users::accounts::is_recent_sign_in;
use users::audit::Actor;

use crate::app::AppState;
use crate::clock;
use crate::http::body::JsonObject;
use crate::http::context::RequestContext;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::identity::Identity;
use crate::http::success::success;

/// Closes the caller's account on both sides. Needs the password, or a sign-in at Firebase of the last five minutes: a stolen token
/// alone must not be enough.
pub async fn remove(
    State(app): State<AppState>,
    Identity(identity): Identity,
    CurrentUser(user): CurrentUser,
    context: RequestContext,
    request: Request,
) -> Result<Json<Success<()>>, ApiError> {
    if !is_recent_sign_in(&identity, clock::now()) {
        let mut body = JsonObject::from_request(request, &app).await?;
        let password = body.typed_password("password");
        body.finish()?;
        let password = password.ok_or_else(|| ApiError::new(ErrorCode::InvalidCredentials))?;
        app.accounts
            .prove_password(UserId(user.user().id), &password, &context.source())
            .await?;
    }
    app.accounts
        .close(UserId(user.user().id), &Actor::user(), &context.source())
        .await?;
    Ok(success((), "User deleted successfully"))
}
