//! `GET /health`, `/health/ready`, `/health/live`, `/health/metrics` and `/`

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use serde_json::json;

use super::answer::time;
use super::{Service, Shared};

const VERSION: &str = "1.0.0";

/// All checks at once; only the database decides the status.
pub async fn overview(State(service): Shared) -> Response {
    let asked = Instant::now();
    let database = database_answers(&service).await;
    let status = if database { "healthy" } else { "unhealthy" };
    let body = json!({
        "status": status,
        "timestamp": time(Utc::now()),
        "uptime": service.started.elapsed().as_secs_f64(),
        "version": VERSION,
        "environment": "test",
        "services": {
            "database": {"status": status},
            "cache": {"status": "disabled"},
            "userCache": {"status": if service.cache.is_some() { "healthy" } else { "disabled" }},
        },
        "system": {"pid": std::process::id()},
        "responseTime": asked.elapsed().as_millis(),
    });
    (code(database), Json(body)).into_response()
}

pub async fn ready(State(service): Shared) -> Response {
    let ready = database_answers(&service).await;
    let status = if ready { "ready" } else { "not ready" };
    let body = json!({"status": status, "timestamp": time(Utc::now())});
    (code(ready), Json(body)).into_response()
}

pub async fn live(State(service): Shared) -> Response {
    Json(json!({"status": "alive", "uptime": service.started.elapsed().as_secs_f64()})).into_response()
}

/// Prometheus's text format.
pub async fn metrics(State(service): Shared) -> String {
    format!(
        "# TYPE process_uptime_seconds gauge\nprocess_uptime_seconds {:.3}\n",
        service.started.elapsed().as_secs_f64()
    )
}

pub async fn root() -> Response {
    Json(json!({
        "success": true,
        "message": "Auth service is running",
        "version": VERSION,
        "timestamp": time(Utc::now()),
    }))
    .into_response()
}

fn code(well: bool) -> StatusCode {
    if well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn database_answers(service: &Service) -> bool {
    sqlx::query("SELECT 1").execute(&service.pool).await.is_ok()
}
