//! `GET` and `PUT /auth/token-balance`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use ledger::{Amount, Caller, Direction, IdempotencyKey, IdempotencyToken, MAX_BALANCE, Movement, Reason};
use serde::Serialize;
use shared::api::envelope::Success;
use shared::ids::UserId;
use shared::problem::ErrorCode;
use uuid::Uuid;

use super::caller::{LegacyCaller, LegacyService};
use super::failure::ledger_failure;
use crate::app::AppState;
use crate::http::body::JsonObject;
use crate::http::error::ApiError;
use crate::http::success::success;

/// The caller's tokens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TokenBalance {
    user_id: Uuid,
    token_balance: i64,
}

/// Somebody's tokens after a change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NewBalance {
    user_id: Uuid,
    new_balance: i32,
}

/// The caller's tokens.
pub async fn show(LegacyCaller(user): LegacyCaller) -> Json<Success<TokenBalance>> {
    let data = TokenBalance {
        user_id: user.user().id,
        token_balance: user.user().token_balance,
    };
    success(data, "Success")
}

/// Adds to somebody's tokens or takes from them, through the ledger. With an `Idempotency-Key` it happens once; without one, as
/// old callers send it, each call counts.
pub async fn change(
    State(app): State<AppState>,
    LegacyService(service): LegacyService,
    headers: HeaderMap,
    mut body: JsonObject,
) -> Result<Json<Success<NewBalance>>, ApiError> {
    let user = UserId::parse(&body.required_text("userId", 1..=64));
    if user.is_err() && !body.has_faults() {
        body.fault("userId", "is not a UUID");
    }
    let amount = body.required_integer("amount", 0..=i64::from(MAX_BALANCE));
    let direction = match body.required_text("operation", 1..=16).as_str() {
        "add" => Some(Direction::Credit),
        "subtract" => Some(Direction::Debit),
        "" => None,
        _ => {
            body.fault("operation", "must be add or subtract");
            None
        }
    };
    body.finish()?;
    let (Ok(user), Some(amount), Some(direction)) = (user, amount, direction) else {
        return Err(ApiError::invalid(Vec::new()));
    };
    let Ok(amount) = Amount::new(amount) else {
        // Nothing to move, which the legacy service allows.
        let balance = app.ledger.balance(user).await?;
        return Ok(success(
            NewBalance {
                user_id: user.0,
                new_balance: balance.spendable,
            },
            "Token balance updated",
        ));
    };
    let internal = |error| ApiError::new(ErrorCode::Internal).caused_by(error);
    let token = IdempotencyToken {
        caller: Caller::service(&service.0.name).map_err(internal)?,
        key: key(&headers)?,
    };
    let reason = Reason::parse("token-balance").map_err(internal)?;
    let movement = Movement {
        user,
        direction,
        amount,
        reason,
        reference: None,
    };
    let receipt = app
        .ledger
        .move_tokens(token, movement)
        .await
        .map_err(ledger_failure)?;
    let data = NewBalance {
        user_id: user.0,
        new_balance: receipt.transfer.balance_after,
    };
    Ok(success(data, "Token balance updated"))
}

fn key(headers: &HeaderMap) -> Result<IdempotencyKey, ApiError> {
    match headers.get("idempotency-key") {
        None => Ok(IdempotencyKey::fresh(Uuid::new_v4())),
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| IdempotencyKey::parse(text).ok())
            .ok_or_else(|| {
                ApiError::invalid(vec![
                    "Idempotency-Key must be 1 to 255 printable characters".to_owned(),
                ])
            }),
    }
}
