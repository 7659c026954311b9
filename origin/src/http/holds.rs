//! `POST /v1/users/{id}/holds`, `POST /v1/holds/{id}/capture`, `POST /v1/holds/{id}/release`.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use ledger::{Amount, HoldId, HoldLifetime, HoldRequest, MAX_BALANCE, Settlement};
use shared::problem::ErrorCode;

use super::MAX_BODY_BYTES;
use super::body::JsonObject;
use super::error::ApiError;
use super::ledger_json::{answer, reserved, settled};
use super::path_text::PathText;
use super::service_caller::MovementToken;
use super::tokens::{read_amount, read_texts, read_user};
use crate::app::AppState;

/// Sets tokens of a person aside.
pub async fn reserve(
    State(app): State<AppState>,
    MovementToken(token): MovementToken,
    PathText(user): PathText,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let user = read_user(&mut body, &user);
    let amount = read_amount(&mut body);
    let (reason, reference) = read_texts(&mut body);
    let lifetime = read_lifetime(&mut body);
    body.finish()?;
    let (Some(user), Some(amount), Some(reason), Some(lifetime)) = (user, amount, reason, lifetime) else {
        return Err(ApiError::invalid(Vec::new()));
    };
    let request = HoldRequest {
        user,
        amount,
        lifetime,
        reason,
        reference,
    };
    let reservation = app.ledger.reserve(&token, &request).await?;
    let replayed = reservation.receipt.replayed;
    Ok(answer(
        StatusCode::CREATED,
        reserved(reservation),
        "Tokens reserved",
        replayed,
    ))
}

fn read_lifetime(body: &mut JsonObject) -> Option<HoldLifetime> {
    let seconds = match body.take("expires_in_seconds") {
        None | Some(serde_json::Value::Null) => return Some(HoldLifetime::DEFAULT),
        Some(value) => value.as_i64().unwrap_or(0),
    };
    HoldLifetime::from_secs(seconds)
        .map_err(|error| body.fault("expires_in_seconds", error.0))
        .ok()
}

/// Spends what a hold set aside, or a part of it; the rest goes back.
pub async fn capture(
    State(app): State<AppState>,
    token: MovementToken,
    PathText(hold): PathText,
    request: Request,
) -> Result<Response, ApiError> {
    let amount = read_part(request, &app).await?;
    settle(&app, token, &hold, Settlement::Capture(amount), "Hold captured").await
}

/// Gives back what a hold set aside.
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
    let outcome = app.ledger.settle(&token, hold, settlement).await?;
    let replayed = outcome.receipt.replayed;
    Ok(answer(StatusCode::OK, settled(outcome), message, replayed))
}

/// `amount` of an optional body; no body and no `amount` mean all of the hold.
///
/// A body that is there is read as strictly as any other, whatever its headers say: passing over one that names a part would
/// capture everything.
async fn read_part(request: Request, app: &AppState) -> Result<Option<Amount>, ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY_BYTES)
        .await
        .map_err(|_| ApiError::new(ErrorCode::PayloadTooLarge))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut body = JsonObject::from_request(Request::from_parts(parts, Body::from(bytes)), app).await?;
    let amount = match body.take("amount") {
        None | Some(serde_json::Value::Null) => None,
        Some(value) => {
            let amount = Amount::new(value.as_i64().unwrap_or(0));
            if amount.is_err() {
                body.fault(
                    "amount",
                    &format!("must be a whole number from 1 to {MAX_BALANCE}"),
                );
            }
            amount.ok()
        }
    };
    body.finish()?;
    Ok(amount)
}
