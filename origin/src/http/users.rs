//! `/v1/users/{id}`: what administrators do with people. Each change leaves an audit event.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::api::envelope::Success;
use shared::api::user::User;
use shared::ids::UserId;
use users::administration;
use users::administration::MAX_EVENTS;
use users::audit::{Actor, Event};
use users::firebase_sync::push::Notified;
use users::rules::user::UserRecord;

use super::context::RequestContext;
use super::error::ApiError;
use super::path_text::PathText;
use super::service_caller::AdminCaller;
use super::success::success;
use crate::app::AppState;

/// The routes of administrators.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/v1/users/{id}", get(show))
        .route("/v1/users/{id}/events", get(events))
        .route("/v1/users/{id}/deactivate", post(deactivate))
        .route("/v1/users/{id}/activate", post(activate))
        .route("/v1/users/{id}/sync", post(sync))
}

/// A person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UserData {
    user: User,
}

/// A page of somebody's audit trail.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Trail {
    events: Vec<EventJson>,
    /// `before` of the next page; `null` on the last.
    next: Option<i64>,
}

/// One event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventJson {
    id: i64,
    at: DateTime<Utc>,
    kind: String,
    actor: String,
    source_ip: Option<String>,
    request_id: Option<String>,
    details: Value,
}

/// Which page of the trail.
#[derive(Debug, Deserialize)]
pub struct TrailQuery {
    before: Option<i64>,
}

/// A person's row.
pub async fn show(
    State(app): State<AppState>,
    AdminCaller(_): AdminCaller,
    PathText(id): PathText,
) -> Result<Json<Success<UserData>>, ApiError> {
    let record = administration::show(&app.pool, read_id(&id)?).await?;
    Ok(success(
        UserData { user: record.user },
        "User retrieved successfully",
    ))
}

/// A person's audit trail, newest first. Answers for people who are gone as well.
pub async fn events(
    State(app): State<AppState>,
    AdminCaller(_): AdminCaller,
    PathText(id): PathText,
    query: Result<Query<TrailQuery>, QueryRejection>,
) -> Result<Json<Success<Trail>>, ApiError> {
    let Query(query) =
        query.map_err(|_| ApiError::invalid(vec!["before must be a whole number".to_owned()]))?;
    let events = administration::trail(&app.pool, read_id(&id)?, query.before).await?;
    let full = i64::try_from(events.len()).is_ok_and(|count| count == MAX_EVENTS);
    let next = events.last().filter(|_| full).map(|last| last.id);
    let events = events.into_iter().map(EventJson::from).collect();
    Ok(success(Trail { events, next }, "Events retrieved successfully"))
}

/// Puts a person out, at once and everywhere; at Firebase as soon as it answers.
pub async fn deactivate(
    State(app): State<AppState>,
    AdminCaller(service): AdminCaller,
    context: RequestContext,
    PathText(id): PathText,
) -> Result<Json<Success<UserData>>, ApiError> {
    let (record, told) = set_active(&app, &Actor::service(&service.name), &context, &id, false).await?;
    let message = match told {
        Notified::Yes => "User deactivated",
        Notified::Pending => "User deactivated; Firebase will be told as soon as it answers",
    };
    Ok(success(UserData { user: record.user }, message))
}

/// Lets a person in again, at Firebase too; they have to sign in anew.
pub async fn activate(
    State(app): State<AppState>,
    AdminCaller(service): AdminCaller,
    context: RequestContext,
    PathText(id): PathText,
) -> Result<Json<Success<UserData>>, ApiError> {
    let (record, told) = set_active(&app, &Actor::service(&service.name), &context, &id, true).await?;
    let message = match told {
        Notified::Yes => "User activated",
        Notified::Pending => "User activated; Firebase will be told as soon as it answers",
    };
    Ok(success(UserData { user: record.user }, message))
}

async fn set_active(
    app: &AppState,
    actor: &Actor,
    context: &RequestContext,
    id: &str,
    active: bool,
) -> Result<(UserRecord, Notified), ApiError> {
    let id = read_id(id)?;
    let record = administration::set_active(&app.pool, id, active, actor, &context.source()).await?;
    Ok((record, app.accounts.syncing().notify_soon(id).await))
}

/// Brings a person's row up to date with their Firebase account.
pub async fn sync(
    State(app): State<AppState>,
    AdminCaller(service): AdminCaller,
    context: RequestContext,
    PathText(id): PathText,
) -> Result<Json<Success<UserData>>, ApiError> {
    let actor = Actor::service(&service.name);
    let record = app
        .accounts
        .sync(read_id(&id)?, &actor, &context.source())
        .await?;
    Ok(success(UserData { user: record.user }, "User synchronised"))
}

fn read_id(text: &str) -> Result<UserId, ApiError> {
    UserId::parse(text).map_err(|rule| ApiError::invalid(vec![format!("id {}", rule.0)]))
}

impl From<Event> for EventJson {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            at: event.at,
            kind: event.kind,
            actor: event.actor,
            source_ip: event.source_ip,
            request_id: event.request_id,
            details: event.details,
        }
    }
}
