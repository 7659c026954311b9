//! `POST /auth/verify-token`: a bad token is an answer here, not a failure.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::api::envelope::Success;
use shared::api::user::User;
use shared::problem::ErrorCode;

use crate::app::AppState;
use crate::clock;
use crate::http::body::Body;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::openapi::LEGACY;
use crate::http::success::success;
use crate::http::verify_token::TokenBody;

/// Whether the token is good: its user, or the reason.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Verdict {
    /// The token is good.
    Good {
        /// `true`.
        valid: bool,
        /// Its user.
        user: Box<User>,
    },
    /// The token is bad.
    Bad {
        /// `false`.
        valid: bool,
        /// The reason.
        error: &'static str,
    },
}

/// Verify a token: both verdicts are answers
///
/// An outage of the service is 503, because callers treat `valid: false` as final.
#[utoipa::path(post, path = "/auth/verify-token", operation_id = "legacyVerifyToken", tag = LEGACY,
    request_body = TokenBody,
    responses((status = 200, description = "The verdict", body = Verdict)),
    extensions(("x-fails" = json!([ErrorCode::DatabaseUnavailable, ErrorCode::KeysUnavailable]))))]
pub async fn verify_token(
    State(app): State<AppState>,
    context: RequestContext,
    Body(body): Body<TokenBody>,
) -> Result<Json<Success<Verdict>>, ApiError> {
    let verdict = match user_of(&app, &context, &body.token.0).await {
        Ok(user) => Verdict::Good {
            valid: true,
            user: Box::new(user),
        },
        Err(error) if error.problem().status >= 500 => return Err(error),
        Err(error) => Verdict::Bad {
            valid: false,
            error: reason(error.problem().code),
        },
    };
    Ok(success(verdict, "Success"))
}

async fn user_of(app: &AppState, context: &RequestContext, token: &str) -> Result<User, ApiError> {
    let now = clock::now();
    let identity = app.verifier.examine(token, now).await?;
    app.metrics.legacy_tokens.note(&identity, now);
    let user = app.accounts.recent_user_of(&identity, &context.source()).await?;
    Ok(user.into_user())
}

/// The legacy service's words.
fn reason(code: &str) -> &'static str {
    const WORDS: [(ErrorCode, &str); 5] = [
        (ErrorCode::TokenExpired, "Token has expired"),
        (ErrorCode::TokenRevoked, "Token has been revoked"),
        (ErrorCode::UserNotFound, "User not found"),
        (ErrorCode::UserDisabled, "User account is inactive"),
        (ErrorCode::AccountLinkConflict, "Account cannot be linked"),
    ];
    WORDS
        .iter()
        .find(|(known, _)| known.as_str() == code)
        .map_or("Invalid token", |(_, words)| words)
}
