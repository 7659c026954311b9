//! `POST /auth/register/batch`: up to fifty registrations, each with an outcome of its own.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::api::envelope::Success;
use shared::problem::ErrorCode;
use users::accounts::{Registration, SignedInUser};
use users::audit::RequestSource;
use uuid::Uuid;

use super::caller::LegacyService;
use super::failure::{LegacyCode, account_failure};
use super::register::session;
use crate::app::AppState;
use crate::http::body::{Body, Fields};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::fields::{Email, NewPassword};
use crate::http::openapi::LEGACY;
use crate::http::success::success;

const MAX_USERS: usize = 50;

/// The outcome of the batch.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchOutcome {
    total: usize,
    successful: usize,
    failed: usize,
    results: Vec<Entry>,
}

/// The outcome of one registration.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BatchEntry)]
pub struct Entry {
    index: usize,
    success: bool,
    user: Option<BatchUser>,
    token: Option<String>,
    error: Option<String>,
}

/// A registered user, in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchUser {
    id: Uuid,
    email: Option<String>,
    token_balance: i64,
    created_at: DateTime<Utc>,
}

/// Several new accounts.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct RegisterBatchBody {
    /// Each entry is read by itself: one that breaks its rule fails alone.
    #[schema(value_type = Vec<RegisterBatchEntry>, min_items = 1, max_items = 50)]
    users: Option<Value>,
}

/// One registration.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct RegisterBatchEntry {
    email: Email,
    password: NewPassword,
}

/// Register up to fifty users, each with an outcome of its own
///
/// A fault of the service ends the batch; it may be sent again.
#[utoipa::path(post, path = "/auth/register/batch", operation_id = "legacyRegisterBatch", tag = LEGACY, security(("serviceKey" = [])),
    request_body = RegisterBatchBody,
    responses((status = 201, description = "The outcome of each registration", body = BatchOutcome)),
    extensions(("x-fails" = json!([LegacyCode::Unauthorized, ErrorCode::DatabaseUnavailable, ErrorCode::FirebaseUnavailable]))))]
pub async fn register_batch(
    State(app): State<AppState>,
    LegacyService(_): LegacyService,
    context: RequestContext,
    Body(body): Body<RegisterBatchBody>,
) -> Result<(StatusCode, Json<Success<BatchOutcome>>), ApiError> {
    let users = match body.users {
        Some(Value::Array(users)) if (1..=MAX_USERS).contains(&users.len()) => users,
        _ => {
            return Err(ApiError::invalid(vec![format!(
                "users must be a list of 1 to {MAX_USERS} entries"
            )]));
        }
    };
    // One after the other: a batch counts as one caller at Firebase's quota.
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

/// One registration: its outcome, or a fault of ours, which ends the batch. The caller may send it again; a user who is registered already
/// then fails with `EMAIL_EXISTS`.
async fn register(
    app: &AppState,
    user: Value,
    origin: &RequestSource,
) -> Result<Result<SignedInUser, String>, ApiError> {
    let Value::Object(fields) = user else {
        return Ok(Err("is not an object".to_owned()));
    };
    let entry: RegisterBatchEntry = match Fields::new(fields).read() {
        Ok(entry) => entry,
        Err(error) => return Ok(Err(error.problem().details.fields().join("; "))),
    };
    let new = Registration {
        email: entry.email.0,
        password: entry.password.0,
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
