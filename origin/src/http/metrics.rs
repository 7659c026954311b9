//! `GET /metrics`.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use shared::problem::ErrorCode;

use super::error::ApiError;
use super::openapi::OPERATORS;
use crate::app::AppState;
use crate::metrics::CONTENT_TYPE;

/// Metrics for Prometheus
///
/// They hold no personal data, and the edge does not forward this path.
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = OPERATORS,
    responses((status = 200, description = "The text format 0.0.4.", content_type = "text/plain", body = String)))]
pub async fn metrics(State(app): State<AppState>) -> Result<impl IntoResponse, ApiError> {
    let text = app.metrics.render();
    let text = text.map_err(|_| ApiError::new(ErrorCode::Internal).reason("metrics"))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text))
}
