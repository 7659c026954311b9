//! `GET` and `PUT /auth/token-balance`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use ledger::{Amount, Caller, Direction, IdempotencyKey, IdempotencyToken, MAX_BALANCE, Movement, Reason};
use serde::{Deserialize, Serialize};
use shared::api::envelope::Success;
use shared::ids::UserId;
use shared::problem::ErrorCode;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{KnownFormat, ObjectBuilder, Required, SchemaFormat, Type};
use uuid::Uuid;

use super::caller::{LegacyCaller, LegacyService, of_callers};
use super::failure::{LegacyCode, ledger_failure};
use crate::app::AppState;
use crate::http::body::Body;
use crate::http::error::ApiError;
use crate::http::fields::{field, numbers, text};
use crate::http::openapi::LEGACY;
use crate::http::service_caller::idempotency_key;
use crate::http::success::success;

/// The caller's tokens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TokenBalance {
    user_id: Uuid,
    token_balance: i64,
}

/// A user's tokens after a change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NewBalance {
    user_id: Uuid,
    new_balance: i32,
}

/// Show the caller's tokens
#[utoipa::path(get, path = "/auth/token-balance", operation_id = "legacyGetBalance", tag = LEGACY, security(("bearer" = [])),
    responses((status = 200, description = "The balance", body = TokenBalance)),
    extensions(("x-fails" = json!(of_callers()))))]
pub async fn show(LegacyCaller(user): LegacyCaller) -> Json<Success<TokenBalance>> {
    let data = TokenBalance {
        user_id: user.user().id,
        token_balance: user.user().token_balance,
    };
    success(data, "Success")
}

field! {
    /// The user whose tokens change.
    Owner(UserId):
        |value| UserId::parse(&text(value, 1..=64)?).map_err(|rule| rule.0.into()),
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));

    /// How many tokens; 0 changes nothing, as at the legacy service.
    Tokens(i64):
        |value| {
            let number = value.as_i64().filter(|number| (0..=i64::from(MAX_BALANCE)).contains(number));
            number.ok_or_else(|| format!("must be a whole number from 0 to {MAX_BALANCE}").into())
        },
        numbers(0, MAX_BALANCE);

    /// The direction.
    Operation(Direction):
        |value| match text(value, 1..=16)?.as_str() {
            "add" => Ok(Direction::Credit),
            "subtract" => Ok(Direction::Debit),
            _ => Err("must be add or subtract".into()),
        },
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["add", "subtract"]));
}

/// A change of a user's tokens.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BalanceChangeBody {
    user_id: Owner,
    /// How many tokens; 0 changes nothing.
    amount: Tokens,
    operation: Operation,
}

/// The key that recognises a repeat; old callers send none.
struct OptionalKey;

impl IntoParams for OptionalKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![idempotency_key(Required::False)]
    }
}

/// Add tokens to a user or take tokens from them
///
/// With an `Idempotency-Key` the change happens once; without one each call counts.
#[utoipa::path(put, path = "/auth/token-balance", operation_id = "legacyPutBalance", tag = LEGACY, security(("serviceKey" = [])),
    params(OptionalKey), request_body = BalanceChangeBody,
    responses((status = 200, description = "The balance after the change", body = NewBalance)),
    extensions(("x-fails" = json!([
        [LegacyCode::Unauthorized, LegacyCode::InsufficientTokens],
        [ErrorCode::UserNotFound, ErrorCode::BalanceOverflow, ErrorCode::DatabaseUnavailable],
    ]))))]
pub async fn change(
    State(app): State<AppState>,
    LegacyService(service): LegacyService,
    headers: HeaderMap,
    Body(body): Body<BalanceChangeBody>,
) -> Result<Json<Success<NewBalance>>, ApiError> {
    let (user, direction) = (body.user_id.0, body.operation.0);
    let Ok(amount) = Amount::new(body.amount.0) else {
        // Nothing to move; the legacy service allows it.
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
        description: reason.into(),
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
