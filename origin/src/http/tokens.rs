//! `POST /v1/users/{id}/tokens/credit`, `/debit` and `GET /v1/tokens/transfers`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use ledger::{Amount, Cursor, Direction, MAX_BALANCE, Movement, PageSize, Reason, Reference};
use serde::Deserialize;
use shared::api::envelope::Success;
use shared::api::ledger::TransferPage;
use shared::config::whole_number;
use shared::ids::UserId;

use super::body::JsonObject;
use super::current_user::CurrentUser;
use super::error::ApiError;
use super::ledger_json::{answer, moved, page};
use super::path_text::PathText;
use super::service_caller::MovementToken;
use super::success::success;
use crate::app::AppState;

/// Gives tokens to a person.
pub async fn credit(
    State(app): State<AppState>,
    token: MovementToken,
    PathText(user): PathText,
    body: JsonObject,
) -> Result<Response, ApiError> {
    make(&app, token, &user, body, Direction::Credit, "Tokens credited").await
}

/// Takes tokens from a person.
pub async fn debit(
    State(app): State<AppState>,
    token: MovementToken,
    PathText(user): PathText,
    body: JsonObject,
) -> Result<Response, ApiError> {
    make(&app, token, &user, body, Direction::Debit, "Tokens debited").await
}

async fn make(
    app: &AppState,
    MovementToken(token): MovementToken,
    user: &str,
    mut body: JsonObject,
    direction: Direction,
    message: &'static str,
) -> Result<Response, ApiError> {
    let user = read_user(&mut body, user);
    let amount = read_amount(&mut body);
    let (reason, reference) = read_texts(&mut body);
    body.finish()?;
    let (Some(user), Some(amount), Some(reason)) = (user, amount, reason) else {
        return Err(ApiError::invalid(Vec::new()));
    };
    let movement = Movement {
        user,
        direction,
        amount,
        reason,
        reference,
    };
    let receipt = app.ledger.move_tokens(token, movement).await?;
    let replayed = receipt.replayed;
    Ok(answer(StatusCode::OK, moved(receipt), message, replayed))
}

/// The person in the path; a fault when it is no id.
pub(super) fn read_user(body: &mut JsonObject, user: &str) -> Option<UserId> {
    UserId::parse(user)
        .map_err(|error| body.fault("id", error.0))
        .ok()
}

/// `amount`, a fault unless it is one.
pub(super) fn read_amount(body: &mut JsonObject) -> Option<Amount> {
    let tokens = body.required_integer("amount", 1..=i64::from(MAX_BALANCE))?;
    Amount::new(tokens)
        .map_err(|error| body.fault("amount", &error.to_string()))
        .ok()
}

/// `reason` and, if there is one, `reference`; faults where they break their rules.
pub(super) fn read_texts(body: &mut JsonObject) -> (Option<Reason>, Option<Reference>) {
    let reason = match body.required_text("reason", 1..=100) {
        missing if missing.is_empty() => None,
        text => Reason::parse(text)
            .map_err(|error| body.fault("reason", error.0))
            .ok(),
    };
    let reference = body.optional_text("reference", 1..=255).and_then(|text| {
        Reference::parse(text)
            .map_err(|error| body.fault("reference", error.0))
            .ok()
    });
    (reason, reference)
}

/// Which page of transfers.
#[derive(Debug, Deserialize)]
pub struct PageQuery {
    cursor: Option<String>,
    limit: Option<String>,
}

/// The caller's transfers, newest first.
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
