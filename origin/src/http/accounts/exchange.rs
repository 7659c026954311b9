//! `POST /v1/auth/exchange`.

use axum::Json;
use axum::extract::State;
use shared::api::envelope::Success;
use shared::identity::TokenKind;
use shared::problem::ErrorCode;

use super::signed_in::{OF_SIGN_IN, Session};
use crate::app::AppState;
use crate::clock;
use crate::http::context::RequestContext;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::identity::Identity;
use crate::http::openapi::{ACCOUNTS, OF_FIREBASE, of_users};
use crate::http::success::success;

/// Exchange a legacy token for a Firebase session
///
/// A user without a Firebase account gets one, with their password. Requires that this is the password at Firebase too, and a token younger
/// than LEGACY_EXCHANGE_MAX_AGE_SECONDS. The old token stays good until it expires.
#[utoipa::path(post, path = "/v1/auth/exchange", operation_id = "exchangeToken", tag = ACCOUNTS, security(("bearer" = [])),
    responses((status = 200, description = "Signed in", body = Session)),
    extensions(("x-fails" = json!([of_users(), [OF_FIREBASE.as_slice(), &OF_SIGN_IN, &[ErrorCode::ValidationError]]]))))]
pub async fn exchange(
    State(app): State<AppState>,
    Identity(identity): Identity,
    CurrentUser(user): CurrentUser,
    context: RequestContext,
) -> Result<Json<Success<Session>>, ApiError> {
    if identity.kind != TokenKind::Legacy {
        return Err(ApiError::new(ErrorCode::TokenWrongKind)
            .message("Only a token of the legacy service can be exchanged"));
    }
    // The edge's configuration may have another end than this service's.
    let ended = app.config.tokens.legacy.accepted_until;
    if ended.is_some_and(|until| clock::now() >= until) {
        return Err(ApiError::new(ErrorCode::TokenWrongKind)
            .message("Tokens of the legacy service are no longer accepted"));
    }
    // The session does not end by itself: a token that leaked long ago must not give one.
    if clock::now().since(identity.issued_at) >= app.config.legacy_exchange_max_age {
        return Err(
            ApiError::new(ErrorCode::TokenExpired).message("The token is too old to be exchanged: sign in")
        );
    }
    let signed_in = app
        .accounts
        .exchange(&user, identity.issued_at, &context.source())
        .await?;
    Ok(success(signed_in.into(), "Token exchanged successfully"))
}
