//! `POST /auth/register`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use firebase::SignedIn;
use serde::Serialize;
use shared::api::envelope::Success;
use shared::api::user::User;
use users::accounts::{Registration, SignedInUser};

use super::failure::account_failure;
use crate::app::AppState;
use crate::http::body::JsonObject;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::success::success;

/// A user and their token; for users of this side it is a Firebase session cookie, which lives as long as the tokens of the legacy
/// service (`LEGACY_CONTRACT_SESSION`).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UserAndToken {
    user: User,
    token: String,
}

impl UserAndToken {
    /// What a client of the legacy contract is told of a sign-in.
    pub(super) async fn of(app: &AppState, signed_in: SignedInUser) -> Self {
        Self {
            user: signed_in.user.into_user(),
            token: session(app, signed_in.tokens).await,
        }
    }
}

/// The token of a sign-in, for clients that know no refresh.
pub(super) async fn session(app: &AppState, tokens: SignedIn) -> String {
    let session = app.accounts.legacy_contract_token(tokens).await;
    app.metrics.legacy_sessions.note(session.kind);
    session.token
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
        .register(&new, &context.source())
        .await
        .map_err(account_failure)?;
    Ok((
        StatusCode::CREATED,
        success(
            UserAndToken::of(&app, registered).await,
            "User registered successfully",
        ),
    ))
}
