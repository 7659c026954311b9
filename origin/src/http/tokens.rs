//! Credit, debit, balance and transfers of the token ledger.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use ledger::{Cursor, Description, Direction, MAX_BALANCE, Movement, PageSize};
use serde::{Deserialize, Serialize};
use shared::api::envelope::Success;
use shared::api::ledger::{Moved, TransferPage};
use shared::config::whole_number;
use shared::ids::UserId;
use shared::problem::ErrorCode;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::body::ForUser;
use super::current_user::CurrentUser;
use super::error::ApiError;
use super::fields::{field, numbers, paging, text, texts, whole};
use super::ledger_json::{moved, page};
use super::openapi::{TOKENS, of_users};
use super::service_caller::MovementToken;
use super::success::success;
use crate::app::AppState;

/// The routes of the token ledger.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(balance))
        .routes(routes!(transfers))
        .routes(routes!(credit))
        .routes(routes!(debit))
}

/// The refusals of a movement.
const REFUSALS: [ErrorCode; 4] = [
    ErrorCode::UserNotFound,
    ErrorCode::InsufficientTokens,
    ErrorCode::BalanceOverflow,
    ErrorCode::DatabaseUnavailable,
];

field! {
    /// How many tokens to move.
    Amount(ledger::Amount):
        |value| ledger::Amount::new(whole(&value)).map_err(|rule| rule.to_string().into()),
        numbers(1, MAX_BALANCE);

    /// Why tokens move.
    Reason(ledger::Reason):
        |value| ledger::Reason::parse(text(value, 1..=100)?).map_err(|rule| rule.0.into()),
        texts(1..=100).pattern(Some(r"\S"))
            .description(Some("Why, for users and reports; not blank, no control characters."));

    /// The caller's own record of a movement, such as a job or an order.
    Reference(ledger::Reference):
        |value| ledger::Reference::parse(text(value, 1..=255)?).map_err(|rule| rule.0.into()),
        texts(1..=255).description(Some("The caller's own record of it, such as a job or an order."));
}

/// Tokens to give or take.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct MovementBody {
    /// How many tokens.
    amount: Amount,
    reason: Reason,
    reference: Option<Reference>,
}

/// Credit tokens to a user
#[utoipa::path(post, path = "/v1/users/{id}/tokens/credit", operation_id = "creditTokens", tag = TOKENS, security(("serviceKey" = [])),
    params(MovementToken), request_body = MovementBody,
    responses((status = 200, description = "Transfer recorded (or replayed for a repeated Idempotency-Key)", body = Moved)),
    extensions(("x-fails" = json!(REFUSALS))))]
pub async fn credit(
    State(app): State<AppState>,
    MovementToken(token): MovementToken,
    ForUser(user, body): ForUser<MovementBody>,
) -> Result<Response, ApiError> {
    let movement = body.movement(user, Direction::Credit);
    let receipt = app.ledger.move_tokens(token, movement).await?;
    Ok(moved(receipt, "Tokens credited"))
}

/// Debit tokens from a user
#[utoipa::path(post, path = "/v1/users/{id}/tokens/debit", operation_id = "debitTokens", tag = TOKENS, security(("serviceKey" = [])),
    params(MovementToken), request_body = MovementBody,
    responses((status = 200, description = "Transfer recorded (or replayed for a repeated Idempotency-Key)", body = Moved)),
    extensions(("x-fails" = json!(REFUSALS))))]
pub async fn debit(
    State(app): State<AppState>,
    MovementToken(token): MovementToken,
    ForUser(user, body): ForUser<MovementBody>,
) -> Result<Response, ApiError> {
    let movement = body.movement(user, Direction::Debit);
    let receipt = app.ledger.move_tokens(token, movement).await?;
    Ok(moved(receipt, "Tokens debited"))
}

impl MovementBody {
    fn movement(self, user: UserId, direction: Direction) -> Movement {
        Movement {
            user,
            direction,
            amount: self.amount.0,
            description: Description {
                reason: self.reason.0,
                reference: self.reference.map(|reference| reference.0),
            },
        }
    }
}

/// The caller's spendable and reserved tokens.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BalanceData {
    user_id: Uuid,
    token_balance: i32,
    held: i64,
}

/// Show the caller's spendable and reserved tokens
#[utoipa::path(get, path = "/v1/tokens/balance", operation_id = "getBalance", tag = TOKENS, security(("bearer" = [])),
    responses((status = 200, description = "The caller's tokens", body = BalanceData)),
    extensions(("x-fails" = json!(of_users()))))]
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

/// The page of transfers.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next_cursor` of the previous page.
    #[param(required = false, value_type = String, max_length = 64)]
    cursor: Option<String>,
    /// How many.
    #[param(required = false, schema_with = page_size)]
    limit: Option<String>,
}

fn page_size() -> Object {
    paging(PageSize::MAX, PageSize::DEFAULT.get())
}

/// List the caller's transfers, newest first
#[utoipa::path(get, path = "/v1/tokens/transfers", operation_id = "listTransfers", tag = TOKENS, security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page of transfers", body = TransferPage)),
    extensions(("x-fails" = json!(of_users()))))]
pub async fn transfers(
    State(app): State<AppState>,
    CurrentUser(user): CurrentUser,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Success<TransferPage>>, ApiError> {
    let Query(query) =
        query.map_err(|_| ApiError::invalid(vec!["the query could not be read".to_owned()]))?;
    let (cursor, size) = read_page(&query)?;
    let transfers = app.ledger.transfers(UserId(user.user().id), cursor, size).await?;
    Ok(success(page(transfers), "Token transfers retrieved successfully"))
}

fn read_page(query: &PageQuery) -> Result<(Option<Cursor>, PageSize), ApiError> {
    let mut faults = Vec::new();
    let cursor = query.cursor.as_deref().and_then(|text| {
        Cursor::decode(text)
            .map_err(|error| faults.push(format!("cursor {error}")))
            .ok()
    });
    let size = match query
        .limit
        .as_deref()
        .map(|text| whole_number(text, 1..=PageSize::MAX))
    {
        None => PageSize::DEFAULT,
        Some(Ok(size)) => PageSize::new(size).unwrap_or(PageSize::DEFAULT),
        Some(Err(rule)) => {
            faults.push(format!("limit {rule}"));
            PageSize::DEFAULT
        }
    };
    if faults.is_empty() {
        Ok((cursor, size))
    } else {
        Err(ApiError::invalid(faults))
    }
}
