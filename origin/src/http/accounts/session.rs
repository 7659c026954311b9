//! Registering, signing in, refreshing, signing out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use firebase::FirebaseError;
use serde::Serialize;
use shared::api::envelope::Success;
use shared::ids::UserId;
use shared::problem::ErrorCode;
use users::AccountError;
use users::accounts::Registration;
use users::statements::accounts::Identifier;

use super::Session;
use crate::app::AppState;
use crate::http::body::JsonObject;
use crate::http::context::RequestContext;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::success::success;

/// A new account, signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Registered {
    #[serde(flatten)]
    session: Session,
    #[serde(rename = "createdAt")]
    created_at: DateTime<Utc>,
}

/// New tokens for an old refresh token.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    id_token: String,
    refresh_token: String,
    expires_in: String,
}

/// Registers a person. Somebody who repeats the very same request, password included, is answered and not refused: clients
/// try again when an answer is lost.
pub async fn register(
    State(app): State<AppState>,
    context: RequestContext,
    mut body: JsonObject,
) -> Result<(StatusCode, Json<Success<Registered>>), ApiError> {
    let email = body.required_email("email");
    let password = body.new_password("password");
    let display_name = body.shown_name("displayName");
    let photo_url = body.web_address("photoURL");
    body.finish()?;
    let (Some(email), Some(password)) = (email, password) else {
        return Err(ApiError::invalid(Vec::new()));
    };
    let new = Registration {
        email,
        password,
        username: None,
        display_name,
        photo_url,
        repeat_is_answered: true,
    };
    let origin = context.source();
    let mut registered = app.accounts.register(&new, &origin).await?;
    // A repeat of a registration that had got no further, or a deployment that cannot make accounts with a photo.
    let shown = registered.user.user();
    let lacks_name = new.display_name.is_some() && shown.display_name.is_none();
    let lacks_photo = new.photo_url.is_some() && shown.photo_url != new.photo_url;
    if lacks_name || lacks_photo {
        let (name, photo) = (new.display_name.as_deref(), new.photo_url.as_deref());
        registered.user = app.accounts.change_profile(registered.user, name, photo).await?;
    }
    let created_at = registered.user.user().created_at;
    let data = Registered {
        session: registered.into(),
        created_at,
    };
    Ok((StatusCode::CREATED, success(data, "User registered successfully")))
}

/// Signs somebody in. Which of address and password is wrong is not said.
pub async fn login(
    State(app): State<AppState>,
    context: RequestContext,
    mut body: JsonObject,
) -> Result<Json<Success<Session>>, ApiError> {
    let email = body.required_email("email");
    let password = body.typed_password("password");
    body.finish()?;
    let (Some(email), Some(password)) = (email, password) else {
        return Err(ApiError::invalid(Vec::new()));
    };
    let signed_in = app
        .accounts
        .sign_in(&Identifier::Email(email), &password, &context.source())
        .await?;
    Ok(success(signed_in.into(), "Login successful"))
}

/// New tokens for a refresh token. Every refusal is 401, which is what makes clients sign in again; an outage is not.
pub async fn refresh(
    State(app): State<AppState>,
    mut body: JsonObject,
) -> Result<Json<Success<Tokens>>, ApiError> {
    let refresh_token = body.required_text("refreshToken", 1..=4096);
    body.finish()?;
    match app.accounts.firebase.refresh(&refresh_token).await {
        Ok(tokens) => {
            let data = Tokens {
                id_token: tokens.id_token,
                refresh_token: tokens.refresh_token,
                expires_in: tokens.expires_in,
            };
            Ok(success(data, "Token refreshed successfully"))
        }
        Err(FirebaseError::TooManyAttempts) => Err(ApiError::new(ErrorCode::RateLimited)),
        Err(error) if error.is_the_callers() => {
            Err(ApiError::new(ErrorCode::TokenExpired).message("The refresh token is invalid or has expired"))
        }
        Err(error) => Err(AccountError::from(error).into()),
    }
}

/// Voids every token of the caller from now on, refresh tokens included.
pub async fn logout(
    State(app): State<AppState>,
    CurrentUser(user): CurrentUser,
    context: RequestContext,
) -> Result<Json<Success<()>>, ApiError> {
    app.accounts
        .revoke(UserId(user.user().id), &context.source())
        .await?;
    Ok(success((), "Logout successful"))
}
