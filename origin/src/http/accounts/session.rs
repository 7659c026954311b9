//! Register, sign in, refresh, sign out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use firebase::FirebaseError;
use serde::{Deserialize, Serialize};
use shared::api::envelope::Success;
use shared::ids::UserId;
use shared::problem::ErrorCode;
use users::AccountError;
use users::accounts::Registration;
use users::statements::accounts::Identifier;

use super::signed_in::{OF_SIGN_IN, Session};
use crate::app::AppState;
use crate::http::body::Body;
use crate::http::context::RequestContext;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::fields::{Email, NewPassword, ShownName, TypedPassword, WebAddress, field, text, texts};
use crate::http::openapi::{ACCOUNTS, OF_FIREBASE, of_users};
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

/// A new account.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterBody {
    email: Email,
    password: NewPassword,
    display_name: Option<ShownName>,
    #[serde(rename = "photoURL")]
    photo_url: Option<WebAddress>,
}

/// Register a user
///
/// A repeat of the same request, password included, is answered and not refused: clients retry after a lost answer.
#[utoipa::path(post, path = "/v1/auth/register", operation_id = "register", tag = ACCOUNTS,
    request_body = RegisterBody,
    responses((status = 201, description = "Registered and signed in", body = Registered)),
    extensions(("x-fails" = json!([OF_FIREBASE.as_slice(), &OF_SIGN_IN, &[ErrorCode::EmailExists]]))))]
pub async fn register(
    State(app): State<AppState>,
    context: RequestContext,
    Body(body): Body<RegisterBody>,
) -> Result<(StatusCode, Json<Success<Registered>>), ApiError> {
    let new = Registration {
        email: body.email.0,
        password: body.password.0,
        username: None,
        display_name: body.display_name.map(|name| name.0),
        photo_url: body.photo_url.map(|address| address.0),
        repeat_is_answered: true,
    };
    let origin = context.source();
    let mut registered = app.accounts.register(&new, &origin).await?;
    // The repeat of an interrupted registration, or a deployment that cannot make accounts with a photo.
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

/// The user's credentials.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct LoginBody {
    email: Email,
    password: TypedPassword,
}

/// Sign a user in
///
/// A sign-in with the right password moves a local account to Firebase, under its own id. The answer does not say whether the address or
/// the password is wrong.
#[utoipa::path(post, path = "/v1/auth/login", operation_id = "login", tag = ACCOUNTS,
    request_body = LoginBody,
    responses((status = 200, description = "Signed in", body = Session)),
    extensions(("x-fails" = json!([OF_FIREBASE.as_slice(), &OF_SIGN_IN, &[ErrorCode::InvalidCredentials, ErrorCode::SecondFactorRequired]]))))]
pub async fn login(
    State(app): State<AppState>,
    context: RequestContext,
    Body(body): Body<LoginBody>,
) -> Result<Json<Success<Session>>, ApiError> {
    let signed_in = app
        .accounts
        .sign_in(
            &Identifier::Email(body.email.0),
            &body.password.0,
            &context.source(),
        )
        .await?;
    Ok(success(signed_in.into(), "Login successful"))
}

field! {
    /// A refresh token.
    RefreshToken(String): |value| text(value, 1..=4096), texts(1..=4096);
}

/// A refresh token.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefreshBody {
    refresh_token: RefreshToken,
}

/// Get new tokens for a refresh token
///
/// Every refusal is 401, which makes clients sign in again; an outage is not.
#[utoipa::path(post, path = "/v1/auth/refresh", operation_id = "refresh", tag = ACCOUNTS,
    request_body = RefreshBody,
    responses((status = 200, description = "New tokens", body = Tokens)),
    extensions(("x-fails" = json!([OF_FIREBASE.as_slice(), &[ErrorCode::TokenExpired]]))))]
pub async fn refresh(
    State(app): State<AppState>,
    Body(body): Body<RefreshBody>,
) -> Result<Json<Success<Tokens>>, ApiError> {
    match app.accounts.firebase.refresh(&body.refresh_token.0).await {
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

/// Log out everywhere: revoke every token of the caller, refresh tokens included
#[utoipa::path(post, path = "/v1/auth/logout", operation_id = "logout", tag = ACCOUNTS, security(("bearer" = [])),
    responses((status = 200, description = "Tokens revoked")),
    extensions(("x-fails" = json!(of_users()))))]
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
