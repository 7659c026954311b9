//! `POST /auth/register`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use firebase::SignedIn;
use serde::{Deserialize, Serialize};
use shared::api::envelope::Success;
use shared::api::user::User;
use users::accounts::{Registration, SignedInUser};

use super::failure::{LegacyCode, account_failure};
use crate::app::AppState;
use crate::http::accounts::OF_SIGN_IN;
use crate::http::body::Body;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::fields::{Email, NewPassword, Username};
use crate::http::openapi::{LEGACY, OF_FIREBASE};
use crate::http::success::success;

/// A user and their token. For users of v2 it is a Firebase session cookie, which lives as long as the tokens of the legacy service
/// (`LEGACY_CONTRACT_SESSION`).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UserAndToken {
    user: User,
    token: String,
}

impl UserAndToken {
    /// The legacy contract's answer to a sign-in.
    pub(super) async fn of(app: &AppState, signed_in: SignedInUser) -> Self {
        Self {
            user: signed_in.user.into_user(),
            token: session(app, signed_in.tokens).await,
        }
    }
}

/// The token of a sign-in, for clients that cannot refresh.
pub(super) async fn session(app: &AppState, tokens: SignedIn) -> String {
    let session = app.accounts.legacy_contract_token(tokens).await;
    app.metrics.legacy_session(session.kind);
    session.token
}

/// A new account.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct LegacyRegisterBody {
    username: Username,
    email: Email,
    password: NewPassword,
}

/// Register a user
#[utoipa::path(post, path = "/auth/register", operation_id = "legacyRegister", tag = LEGACY,
    request_body = LegacyRegisterBody,
    responses((status = 201, description = "Registered", body = UserAndToken)),
    extensions(("x-fails" = json!([
        [OF_FIREBASE.as_slice(), &OF_SIGN_IN], [LegacyCode::EmailExists, LegacyCode::UsernameExists]
    ]))))]
pub async fn register(
    State(app): State<AppState>,
    context: RequestContext,
    Body(body): Body<LegacyRegisterBody>,
) -> Result<(StatusCode, Json<Success<UserAndToken>>), ApiError> {
    let new = Registration {
        email: body.email.0,
        password: body.password.0,
        username: Some(body.username.0),
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
