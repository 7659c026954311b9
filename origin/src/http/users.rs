//! `/v1/users/{id}`: administrators' operations on users. Each change leaves an audit event.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::api::envelope::Success;
use shared::api::user::User;
use shared::ids::UserId;
use shared::problem::ErrorCode;
use users::administration;
use users::administration::MAX_EVENTS;
use users::audit::{Actor, Event};
use users::firebase_sync::push::Notified;
use users::rules::user::UserRecord;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::context::RequestContext;
use super::error::ApiError;
use super::openapi::{OF_FIREBASE, USERS};
use super::path_text::PathText;
use super::service_caller::AdminCaller;
use super::success::success;
use crate::app::AppState;

/// The routes of administrators.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(events))
        .routes(routes!(deactivate))
        .routes(routes!(activate))
        .routes(routes!(sync))
}

/// The refusals of every call here.
const REFUSALS: [ErrorCode; 2] = [ErrorCode::UserNotFound, ErrorCode::DatabaseUnavailable];

/// A user.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UserData {
    user: User,
}

/// A page of a user's audit trail.
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

/// The page of the trail.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TrailQuery {
    /// `next` of the previous page.
    #[param(value_type = i64, required = false)]
    before: Option<i64>,
}

/// Show a user
#[utoipa::path(get, path = "/v1/users/{id}", operation_id = "getUser", tag = USERS, security(("serviceKey" = [])),
    responses((status = 200, description = "The user", body = UserData)),
    extensions(("x-fails" = json!(REFUSALS))))]
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

/// List a user's audit events, newest first
///
/// Works for deleted users as well.
#[utoipa::path(get, path = "/v1/users/{id}/events", operation_id = "listEvents", tag = USERS, security(("serviceKey" = [])),
    params(TrailQuery),
    responses((status = 200, description = "A page of events", body = Trail)),
    extensions(("x-fails" = json!(ErrorCode::DatabaseUnavailable))))]
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

/// Deactivate a user and revoke their sessions
///
/// Takes effect here at once, and at Firebase as soon as Firebase answers.
#[utoipa::path(post, path = "/v1/users/{id}/deactivate", operation_id = "deactivateUser", tag = USERS, security(("serviceKey" = [])),
    responses((status = 200, description = "The user after the change", body = UserData)),
    extensions(("x-fails" = json!(REFUSALS))))]
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

/// Activate a user; they have to sign in again
///
/// Takes effect here at once, and at Firebase as soon as Firebase answers.
#[utoipa::path(post, path = "/v1/users/{id}/activate", operation_id = "activateUser", tag = USERS, security(("serviceKey" = [])),
    responses((status = 200, description = "The user after the change", body = UserData)),
    extensions(("x-fails" = json!(REFUSALS))))]
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

/// Update a user from their Firebase account
#[utoipa::path(post, path = "/v1/users/{id}/sync", operation_id = "syncUser", tag = USERS, security(("serviceKey" = [])),
    responses((status = 200, description = "The user after the change", body = UserData)),
    extensions(("x-fails" = json!([REFUSALS.as_slice(), OF_FIREBASE.as_slice()]))))]
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
