//! `GET /v1/changes`, the revocation feed: users whose access changed, for the edge and for services that keep account statuses.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use serde::Deserialize;
use shared::api::changes::Changes;
use shared::api::envelope::Success;
use shared::problem::ErrorCode;
use users::revocation_feed;
use users::revocation_feed::FeedCursor;

use super::context::RequestContext;
use super::error::ApiError;
use super::openapi::USERS;
use super::service_caller::ServiceCaller;
use super::success::success;
use crate::app::AppState;

/// The caller: the edge, by an assertion for this feed, or one of our services.
#[derive(Debug)]
pub struct Keeper;

impl FromRequestParts<AppState> for Keeper {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let context = <RequestContext as FromRequestParts<AppState>>::from_request_parts(parts, app).await?;
        if !context.is_sealed() {
            ServiceCaller::from_request_parts(parts, app).await?;
        }
        Ok(Self)
    }
}

/// The start of the answer.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangesQuery {
    /// `cursor` of the previous answer; without it the answer only gives the first cursor.
    #[param(value_type = String, required = false)]
    since: Option<String>,
}

/// Revocation feed: users whose access changed since a cursor
///
/// For the edge and for services that keep account statuses. A change may come twice. Drop what you keep about these users and ask again.
#[utoipa::path(get, path = "/v1/changes", operation_id = "listStandingChanges", tag = USERS, security(("serviceKey" = [])),
    params(ChangesQuery),
    responses((status = 200, description = "The changes, or the order to drop the whole cache", body = Changes)),
    extensions(("x-fails" = json!(ErrorCode::DatabaseUnavailable))))]
pub async fn changes(
    State(app): State<AppState>,
    Keeper: Keeper,
    query: Result<Query<ChangesQuery>, QueryRejection>,
) -> Result<Json<Success<Changes>>, ApiError> {
    let wrong = || ApiError::invalid(vec!["since must be the cursor of an earlier answer".to_owned()]);
    let Query(query) = query.map_err(|_| wrong())?;
    let since = query
        .since
        .map(|text| FeedCursor::parse(&text).ok_or_else(wrong))
        .transpose()?;
    let changes = revocation_feed::changes(&app.pool, since.as_ref()).await?;
    Ok(success(changes, "Changes retrieved successfully"))
}
