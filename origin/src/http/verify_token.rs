//! `POST /v1/auth/verify-token`, `/v1/token/verify` and `/v1/token/verify-header`: is this token good, and whose is it?

use axum::Json;
use axum::extract::State;
use shared::api::envelope::Success;
use shared::api::token::VerifiedToken;
use shared::identity::Identity as Facts;
use users::rules::user::ActiveUser;

use super::body::JsonObject;
use super::context::RequestContext;
use super::current_user::{RecentUser, WantsNow, user_of};
use super::error::ApiError;
use super::identity::Identity;
use super::success::success;
use crate::app::AppState;
use crate::clock;

const MESSAGE: &str = "Token verified successfully";

/// Verifies the token in the body and answers whose it is. Creates the row at first sight.
pub async fn verify_token(
    State(app): State<AppState>,
    context: RequestContext,
    WantsNow(wants_now): WantsNow,
    mut body: JsonObject,
) -> Result<Json<Success<VerifiedToken>>, ApiError> {
    let token = body.required_text("token", 1..=shared::token::MAX_TOKEN_BYTES);
    body.finish()?;
    let now = clock::now();
    let examined = app.verifier.examine(&token, now).await?;
    if examined.is_credential {
        app.metrics.legacy_tokens.note(&examined.identity, now);
    }
    let identity = &examined.identity;
    let user = user_of(&app, identity, &context, wants_now).await?;
    Ok(success(describe(identity, user), MESSAGE))
}

/// The same for the token in the `Authorization` header.
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
