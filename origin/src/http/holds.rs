//! `POST /v1/users/{id}/holds`, `POST /v1/holds/{id}/capture`, `POST /v1/holds/{id}/release`.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use ledger::{Description, HoldId, HoldLifetime, HoldRequest, Settlement};
use serde::Deserialize;
use shared::api::ledger::HoldMoved;
use shared::problem::ErrorCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::MAX_BODY_BYTES;
use super::body::{Fields, ForUser};
use super::error::ApiError;
use super::fields::{field, numbers, whole};
use super::ledger_json::{reserved, settled};
use super::openapi::TOKENS;
use super::path_text::PathText;
use super::service_caller::MovementToken;
use super::tokens::{Amount, Reason, Reference};
use crate::app::AppState;

/// The routes of holds.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(reserve))
        .routes(routes!(capture))
        .routes(routes!(release))
}

/// The refusals of settling a hold.
const REFUSALS: [ErrorCode; 4] = [
    ErrorCode::NotFound,
    ErrorCode::HoldSettled,
    ErrorCode::BalanceOverflow,
    ErrorCode::DatabaseUnavailable,
];

field! {
    /// How long tokens stay set aside.
    Lifetime(HoldLifetime):
        |value| HoldLifetime::from_secs(whole(&value)).map_err(|rule| rule.0.into()),
        numbers(1, HoldLifetime::MAX_SECONDS);
}

/// Tokens to reserve.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct HoldBody {
    /// How many tokens.
    amount: Amount,
    reason: Reason,
    reference: Option<Reference>,
    /// Seconds until the hold expires; 900 by default.
    expires_in_seconds: Option<Lifetime>,
}

/// Reserve tokens of a user
#[utoipa::path(post, path = "/v1/users/{id}/holds", operation_id = "reserveTokens", tag = TOKENS, security(("serviceKey" = [])),
    params(MovementToken), request_body = HoldBody,
    responses((status = 201, description = "Hold recorded (or replayed for a repeated Idempotency-Key)", body = HoldMoved)),
    extensions(("x-fails" = json!([ErrorCode::UserNotFound, ErrorCode::InsufficientTokens, ErrorCode::DatabaseUnavailable]))))]
pub async fn reserve(
    State(app): State<AppState>,
    MovementToken(token): MovementToken,
    ForUser(user, body): ForUser<HoldBody>,
) -> Result<Response, ApiError> {
    let request = HoldRequest {
        user,
        amount: body.amount.0,
        lifetime: body
            .expires_in_seconds
            .map_or(HoldLifetime::DEFAULT, |lifetime| lifetime.0),
        description: Description::from(body.reason.0)
            .with_reference(body.reference.map(|reference| reference.0)),
    };
    Ok(reserved(app.ledger.reserve(&token, &request).await?))
}

/// The part of a hold to spend.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct CaptureBody {
    /// Tokens to spend; by default all of them. The rest goes back.
    amount: Option<Amount>,
}

/// Capture a hold, or a part of it; the rest goes back
#[utoipa::path(post, path = "/v1/holds/{id}/capture", operation_id = "captureHold", tag = TOKENS, security(("serviceKey" = [])),
    params(MovementToken), request_body = Option<CaptureBody>,
    responses((status = 200, description = "Hold captured (or replayed for a repeated Idempotency-Key)", body = HoldMoved)),
    extensions(("x-fails" = json!([REFUSALS.as_slice(), &[ErrorCode::InsufficientTokens]]))))]
pub async fn capture(
    State(app): State<AppState>,
    token: MovementToken,
    PathText(hold): PathText,
    request: Request,
) -> Result<Response, ApiError> {
    let amount = read_part(request, &app).await?;
    settle(&app, token, &hold, Settlement::Capture(amount), "Hold captured").await
}

/// Release a hold; all of it goes back
#[utoipa::path(post, path = "/v1/holds/{id}/release", operation_id = "releaseHold", tag = TOKENS, security(("serviceKey" = [])),
    params(MovementToken),
    responses((status = 200, description = "Hold released (or replayed for a repeated Idempotency-Key)", body = HoldMoved)),
    extensions(("x-fails" = json!(REFUSALS))))]
pub async fn release(
    State(app): State<AppState>,
    token: MovementToken,
    PathText(hold): PathText,
) -> Result<Response, ApiError> {
    settle(&app, token, &hold, Settlement::Release, "Hold released").await
}

async fn settle(
    app: &AppState,
    MovementToken(token): MovementToken,
    hold: &str,
    settlement: Settlement,
    message: &'static str,
) -> Result<Response, ApiError> {
    let hold = HoldId::parse(hold).map_err(|error| ApiError::invalid(vec![format!("id {error}")]))?;
    Ok(settled(
        app.ledger.settle(&token, hold, settlement).await?,
        message,
    ))
}

/// `amount` of an optional body; no body and no `amount` mean all of the hold.
///
/// A body that is present is read as strictly as any other, whatever its headers say: ignoring one that names a part would capture
/// everything.
async fn read_part(request: Request, app: &AppState) -> Result<Option<ledger::Amount>, ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY_BYTES)
        .await
        .map_err(|_| ApiError::new(ErrorCode::PayloadTooLarge))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let fields = Fields::from_request(Request::from_parts(parts, Body::from(bytes)), app).await?;
    let body: CaptureBody = fields.read()?;
    Ok(body.amount.map(|amount| amount.0))
}
