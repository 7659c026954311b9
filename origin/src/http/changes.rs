//! `GET /v1/changes`: whose right to act has changed, for the edge and for services that keep standings.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use serde::Deserialize;
use shared::api::changes::Changes;
use shared::api::envelope::Success;
use users::revocation_feed;
use users::revocation_feed::FeedCursor;

use super::context::RequestContext;
use super::error::ApiError;
use super::service_caller::ServiceCaller;
use super::success::success;
use crate::app::AppState;

/// The edge itself, by an assertion for this very feed, or one of our services.
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

/// From where on.
#[derive(Debug, Deserialize)]
pub struct ChangesQuery {
    since: Option<String>,
}

/// Whose right to act has changed since the cursor of an earlier answer; without one, where to begin.
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
