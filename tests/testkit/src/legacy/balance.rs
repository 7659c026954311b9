//! `GET` and `PUT /auth/token-balance`

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;
use uuid::Uuid;

use super::Shared;
use super::answer::{Failure, ok, success};
use super::bearer::Caller;
use super::input::{Input, anything};
use super::users::User;

/// The caller's tokens.
pub async fn show(Caller(user): Caller) -> Response {
    ok(&json!({"user_id": user.id, "token_balance": user.token_balance}))
}

/// Adds to a user's tokens or takes from them, for a service. It reads, changes and writes without a lock: of two calls at once one is
/// lost.
pub async fn change(
    State(service): Shared,
    headers: HeaderMap,
    mut input: Input,
) -> Result<Response, Failure> {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|given| given == value);
    if !says("x-internal-service", "true") || !says("x-service-key", &service.settings.service_key) {
        return Err(Failure::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHORIZED",
            "Internal service authentication required",
        ));
    }
    let user = input.required("userId", |text| {
        text.parse::<Uuid>().map(drop).map_err(|_| "must be a valid GUID")
    });
    let amount = input.integer("amount");
    if amount.is_none() {
        input.fault("amount", "is required");
    }
    let operation = input.required("operation", anything);
    if !matches!(operation.as_str(), "add" | "subtract") {
        input.fault("operation", "must be one of [add, subtract]");
    }
    input.finish()?;
    let (Ok(id), Some(amount)) = (user.parse(), amount) else {
        return Err(Failure::validation(&[]));
    };
    let user = User::by_id(&service.pool, id)
        .await?
        .ok_or_else(Failure::user_not_found)?;
    let before = i64::from(user.token_balance);
    let after = if operation == "add" {
        before.saturating_add(amount)
    } else {
        before.saturating_sub(amount)
    };
    if after < 0 {
        return Err(Failure::new(
            StatusCode::BAD_REQUEST,
            "INSUFFICIENT_TOKENS",
            "Insufficient token balance",
        ));
    }
    sqlx::query("UPDATE auth.users SET token_balance = $2::bigint WHERE id = $1")
        .bind(id)
        .bind(after)
        .execute(&service.pool)
        .await?;
    let data = json!({"user_id": id, "new_balance": after});
    Ok(success(StatusCode::OK, "Token balance updated", &data))
}
