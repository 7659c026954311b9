//! `GET /v1/tokens/balance`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use shared::api::envelope::Success;
use shared::ids::UserId;
use uuid::Uuid;

use super::current_user::CurrentUser;
use super::error::ApiError;
use super::success::success;
use crate::app::AppState;

/// What the caller can spend, and what is set aside.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BalanceData {
    user_id: Uuid,
    token_balance: i32,
    held: i64,
}

/// The caller's tokens.
pub async fn balance(
    State(app): State<AppState>,
    CurrentUser(user): CurrentUser,
) -> Result<Json<Success<BalanceData>>, ApiError> {
    let balance = app.ledger.balance(UserId(user.user().id)).await?;
    let data = BalanceData {
        user_id: user.user().id,
        token_balance: balance.spendable,
        held: balance.held,
    };
    Ok(success(data, "Token balance retrieved successfully"))
}
