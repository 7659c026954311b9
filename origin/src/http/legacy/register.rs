//! `POST /auth/register`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use shared::api::envelope::Success;
use shared::api::user::User;

use super::failure::account_failure;
use crate::app::AppState;
use crate::http::body::JsonObject;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::success::success;
use crate::operations::accounts::{Registration, SignedInUser};

/// A person and their token; for people on this side it is a Firebase ID token.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UserAndToken {
    user: User,
    token: String,
}

impl From<SignedInUser> for UserAndToken {
    fn from(signed_in: SignedInUser) -> Self {
        Self {
            user: signed_in.user.into_user(),
            token: signed_in.tokens.id_token,
        }
    }
}

/// Registers a person.
pub async fn register(
    State(app): State<AppState>,
    context: RequestContext,
    mut body: JsonObject,
) -> Result<(StatusCode, Json<Success<UserAndToken>>), ApiError> {
    let username = body.username("username");
    if username.is_none() && !body.has_faults() {
        body.fault("username", "is required");
    }
    let email = body.required_email("email");
    let password = body.new_password("password");
    body.finish()?;
    let (Some(email), Some(password)) = (email, password) else {
        return Err(ApiError::invalid(Vec::new()));
    };
    let new = Registration {
        email,
        password,
        username,
        display_name: None,
        photo_url: None,
        repeat_is_answered: false,
    };
    let registered = app
        .accounts
        .register(&new, &context.origin())
        .await
        .map_err(account_failure)?;
    Ok((
        StatusCode::CREATED,
        success(registered.into(), "User registered successfully"),
    ))
}
