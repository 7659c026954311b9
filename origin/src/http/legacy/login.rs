//! `POST /auth/login`.

use axum::Json;
use axum::extract::State;
use shared::api::envelope::Success;
use users::statements::accounts::Identifier;

use super::failure::account_failure;
use super::register::UserAndToken;
use crate::app::AppState;
use crate::http::body::JsonObject;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::success::success;

/// Signs somebody in by address or username: exactly one of the two.
pub async fn login(
    State(app): State<AppState>,
    context: RequestContext,
    mut body: JsonObject,
) -> Result<Json<Success<UserAndToken>>, ApiError> {
    let who = match (body.has("email"), body.has("username")) {
        (true, false) => body.required_email("email").map(Identifier::Email),
        (false, true) => body.username("username").map(Identifier::Username),
        (true, true) => {
            body.fault("email", "and username cannot both be given");
            None
        }
        (false, false) => {
            body.fault("email", "or username is required");
            None
        }
    };
    let password = body.typed_password("password");
    body.finish()?;
    let (Some(who), Some(password)) = (who, password) else {
        return Err(ApiError::invalid(Vec::new()));
    };
    let signed_in = app
        .accounts
        .sign_in(&who, &password, &context.source())
        .await
        .map_err(account_failure)?;
    Ok(success(
        UserAndToken::of(&app, signed_in).await,
        "Login successful",
    ))
}
