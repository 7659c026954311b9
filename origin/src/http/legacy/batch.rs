//! `POST /auth/register/batch`: up to fifty registrations, each with an outcome of its own.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use shared::api::envelope::Success;
use users::accounts::{Registration, SignedInUser};
use users::audit::RequestSource;
use uuid::Uuid;

use super::caller::LegacyService;
use super::failure::account_failure;
use super::register::session;
use crate::app::AppState;
use crate::http::body::JsonObject;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::success::success;

const MAX_USERS: usize = 50;

/// How the batch went.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchOutcome {
    total: usize,
    successful: usize,
    failed: usize,
    results: Vec<Entry>,
}

/// How one registration went.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BatchEntry)]
pub struct Entry {
    index: usize,
    success: bool,
    user: Option<BatchUser>,
    token: Option<String>,
    error: Option<String>,
}

/// A registered person, in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchUser {
    id: Uuid,
    email: Option<String>,
    token_balance: i64,
    created_at: DateTime<Utc>,
}

/// Registers several people. One after the other: the whole batch is one caller's share of Firebase's quota.
pub async fn register_batch(
    State(app): State<AppState>,
    LegacyService(_): LegacyService,
    context: RequestContext,
    mut body: JsonObject,
) -> Result<(StatusCode, Json<Success<BatchOutcome>>), ApiError> {
    let users = match body.take("users") {
        Some(Value::Array(users)) if (1..=MAX_USERS).contains(&users.len()) => users,
        _ => {
            body.fault("users", "must be a list of 1 to 50 entries");
            Vec::new()
        }
    };
    body.finish()?;
    let origin = context.source();
    let mut results = Vec::with_capacity(users.len());
    for (index, user) in users.into_iter().enumerate() {
        let outcome = register(&app, user, &origin).await?;
        results.push(entry(&app, index, outcome).await);
    }
    let successful = results.iter().filter(|entry| entry.success).count();
    let outcome = BatchOutcome {
        total: results.len(),
        successful,
        failed: results.len().saturating_sub(successful),
        results,
    };
    Ok((
        StatusCode::CREATED,
        success(outcome, "Batch registration completed"),
    ))
}

/// One registration: its outcome, or a fault of ours, which ends the batch. It may be sent again; whoever is registered
/// already then fails with `EMAIL_EXISTS`.
async fn register(
    app: &AppState,
    user: Value,
    origin: &RequestSource,
) -> Result<Result<SignedInUser, String>, ApiError> {
    let Value::Object(fields) = user else {
        return Ok(Err("is not an object".to_owned()));
    };
    let mut body = JsonObject::from_fields(fields);
    let (email, password) = (body.required_email("email"), body.new_password("password"));
    let (email, password) = match (body.finish(), email, password) {
        (Ok(()), Some(email), Some(password)) => (email, password),
        (Err(error), ..) => return Ok(Err(error.problem().details.fields().join("; "))),
        _ => return Ok(Err("is incomplete".to_owned())),
    };
    let new = Registration {
        email,
        password,
        username: None,
        display_name: None,
        photo_url: None,
        repeat_is_answered: false,
    };
    let registered = app.accounts.register_for_service(&new, origin).await;
    match registered.map_err(account_failure) {
        Ok(registered) => Ok(Ok(registered)),
        Err(error) if error.problem().status >= 500 => Err(error),
        Err(error) => Ok(Err(error.problem().message.clone().into_owned())),
    }
}

async fn entry(app: &AppState, index: usize, outcome: Result<SignedInUser, String>) -> Entry {
    match outcome {
        Ok(registered) => {
            let user = registered.user.into_user();
            let user = BatchUser {
                id: user.id,
                email: user.email,
                token_balance: user.token_balance,
                created_at: user.created_at,
            };
            Entry {
                index,
                success: true,
                user: Some(user),
                token: Some(session(app, registered.tokens).await),
                error: None,
            }
        }
        Err(error) => Entry {
            index,
            success: false,
            user: None,
            token: None,
            error: Some(error),
        },
    }
}
