//! Shows the caller, and verifies tokens.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::api::envelope::Success;
use shared::api::token::VerifiedToken;
use shared::api::user::User;
use shared::identity::Identity as Facts;
use users::rules::user::ActiveUser;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Body;
use super::context::RequestContext;
use super::current_user::{RecentUser, WantsNow, user_of};
use super::error::ApiError;
use super::fields::Token;
use super::identity::Identity;
use super::openapi::{IDENTITY, of_users};
use super::success::success;
use crate::app::AppState;
use crate::clock;

/// The caller's own row.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Me {
    user: User,
}

const MESSAGE: &str = "Token verified successfully";

/// A token to verify.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct TokenBody {
    /// A Firebase ID token, or a token of the legacy service.
    pub token: Token,
}

/// The routes about the caller's identity.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(verify_token))
        .routes(routes!(verify_token_for_services))
        .routes(routes!(verify_header))
}

/// Show the caller
///
/// Creates the user at first sight (just-in-time provisioning).
#[utoipa::path(get, path = "/v1/auth/me", operation_id = "getMe", tag = IDENTITY, security(("bearer" = [])),
    responses((status = 200, description = "The caller", body = Me)),
    extensions(("x-fails" = json!(of_users()))))]
pub async fn me(RecentUser(user): RecentUser) -> Json<Success<Me>> {
    success(
        Me {
            user: user.into_user(),
        },
        "User retrieved successfully",
    )
}

/// Verify a token and show its user
///
/// Creates the user at first sight (just-in-time provisioning). A bad token is 401, never `valid: false`.
#[utoipa::path(post, path = "/v1/auth/verify-token", operation_id = "verifyToken", tag = IDENTITY,
    request_body = TokenBody,
    responses((status = 200, description = "The token is good", body = VerifiedToken)),
    extensions(("x-fails" = json!(of_users()))))]
pub async fn verify_token(
    State(app): State<AppState>,
    context: RequestContext,
    WantsNow(wants_now): WantsNow,
    Body(body): Body<TokenBody>,
) -> Result<Json<Success<VerifiedToken>>, ApiError> {
    let now = clock::now();
    let identity = app.verifier.examine(&body.token.0, now).await?;
    app.metrics.legacy_tokens.note(&identity, now);
    let user = user_of(&app, &identity, &context, wants_now).await?;
    Ok(success(describe(&identity, user), MESSAGE))
}

/// Verify a token and show its user
///
/// The same as `/v1/auth/verify-token`, under the path that existing services use.
#[utoipa::path(post, path = "/v1/token/verify", operation_id = "verifyTokenForServices", tag = IDENTITY,
    request_body = TokenBody,
    responses((status = 200, description = "The token is good", body = VerifiedToken)),
    extensions(("x-fails" = json!(of_users()))))]
pub async fn verify_token_for_services(
    app: State<AppState>,
    context: RequestContext,
    wants_now: WantsNow,
    body: Body<TokenBody>,
) -> Result<Json<Success<VerifiedToken>>, ApiError> {
    verify_token(app, context, wants_now, body).await
}

/// Verify the caller's own token
#[utoipa::path(post, path = "/v1/token/verify-header", operation_id = "verifyHeader", tag = IDENTITY, security(("bearer" = [])),
    responses((status = 200, description = "The token is good", body = VerifiedToken)),
    extensions(("x-fails" = json!(of_users()))))]
pub async fn verify_header(
    Identity(identity): Identity,
    RecentUser(user): RecentUser,
) -> Json<Success<VerifiedToken>> {
    success(describe(&identity, user), MESSAGE)
}

fn describe(identity: &Facts, user: ActiveUser) -> VerifiedToken {
    VerifiedToken {
        valid: true,
        firebase_uid: user.user().firebase_uid.clone(),
        email: user.user().email.clone(),
        email_verified: user.user().email_verified,
        token_expiration: identity.expires_at.secs(),
        issued_at: identity.issued_at.secs(),
        token_kind: identity.kind,
        user: user.into_user(),
    }
}
