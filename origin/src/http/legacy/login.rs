//! `POST /auth/login`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shared::api::envelope::Success;
use shared::problem::ErrorCode;
use users::statements::accounts::Identifier;

use super::failure::{LegacyCode, account_failure};
use super::register::UserAndToken;
use crate::app::AppState;
use crate::http::accounts::OF_SIGN_IN;
use crate::http::body::Fields;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::fields::{Email, TypedPassword, Username};
use crate::http::openapi::{LEGACY, OF_FIREBASE};
use crate::http::success::success;

/// The user's credentials: `email` or `username`, not both.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct LegacyLoginBody {
    email: Option<Email>,
    username: Option<Username>,
    password: TypedPassword,
}

/// Sign a user in by e-mail address or username
#[utoipa::path(post, path = "/auth/login", operation_id = "legacyLogin", tag = LEGACY,
    request_body = LegacyLoginBody,
    responses((status = 200, description = "Signed in", body = UserAndToken)),
    extensions(("x-fails" = json!([
        [OF_FIREBASE.as_slice(), &OF_SIGN_IN, &[ErrorCode::SecondFactorRequired]], [LegacyCode::IdentifierNotFound, LegacyCode::InvalidPassword]
    ]))))]
pub async fn login(
    State(app): State<AppState>,
    context: RequestContext,
    mut fields: Fields,
) -> Result<Json<Success<UserAndToken>>, ApiError> {
    let clash = match (fields.has("email"), fields.has("username")) {
        (true, true) => Some("and username cannot both be given"),
        (false, false) => Some("or username is required"),
        _ => None,
    };
    if let Some(rule) = clash {
        fields.leave_out(&["email", "username"]);
        fields.fault("email", rule);
    }
    let body: LegacyLoginBody = fields.read()?;
    let who = match (body.email, body.username) {
        (Some(email), _) => Identifier::Email(email.0),
        (None, Some(username)) => Identifier::Username(username.0),
        (None, None) => {
            return Err(ApiError::invalid(vec![
                "email or username is required".to_owned(),
            ]));
        }
    };
    let signed_in = app
        .accounts
        .sign_in(&who, &body.password.0, &context.source())
        .await
        .map_err(account_failure)?;
    Ok(success(
        UserAndToken::of(&app, signed_in).await,
        "Login successful",
    ))
}
