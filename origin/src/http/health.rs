//! Liveness, readiness and health: three questions by three kinds of caller.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use database::Writes;
use serde::Serialize;
use shared::token::Accepted;

use super::openapi::OPERATORS;
use crate::app::AppState;
use crate::clock;

/// How long a check may take before it counts as failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The process answers
///
/// Depends on nothing else: an outage of the database must not restart healthy processes.
#[utoipa::path(get, path = "/livez", operation_id = "getLiveness", tag = OPERATORS,
    responses((status = 200, description = "Alive", body = Alive)))]
pub async fn livez() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// The process answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Alive {
    status: &'static str,
}

/// The result of `/readyz`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Readiness {
    status: &'static str,
    checks: Checks,
    /// The settings that the edge and the origin must share, for comparison; no secret.
    accepts: Accepted,
}

/// Every check by its name: `ok`, or the fault.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Checks {
    /// `ok`, `read-only`, `waits for a standby` (commits hang) or `unreachable`.
    database: &'static str,
    schema: &'static str,
    serving: &'static str,
    /// How calls are counted: `memory`, `shared` (by Redis), `memory, redis away`, or `off`. Not required for readiness.
    limits: &'static str,
    /// The issuer's keys, for tokens that do not come through the edge. Not required for readiness: requests through the edge need none.
    keys: Vec<KeyRing>,
}

/// The keys of one ring.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KeyRing {
    ring: &'static str,
    keys: usize,
    /// Seconds since the last fetch; `null` before the first token.
    age_seconds: Option<i64>,
    usable: bool,
}

/// Whether load balancers should send requests here
///
/// Requires a database that takes writes and has the schema of this version.
#[utoipa::path(get, path = "/readyz", operation_id = "getReadiness", tag = OPERATORS,
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Not ready; see checks", body = Readiness),
    ))]
pub async fn readyz(State(app): State<AppState>) -> (StatusCode, Json<Readiness>) {
    let database = database_state(&app).await;
    let schema = match database {
        "unreachable" => "unknown",
        _ => schema_state(&app).await,
    };
    let serving = if app.draining.load(Ordering::Relaxed) {
        "draining"
    } else {
        "ok"
    };
    let ready = [database, schema, serving].iter().all(|check| *check == "ok");
    let (code, status) = if ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    (
        code,
        Json(Readiness {
            status,
            checks: Checks {
                database,
                schema,
                serving,
                limits: app.limits.state(),
                keys: key_rings(&app),
            },
            accepts: Accepted::of(&app.config.tokens, app.config.assertion_keys.kids()),
        }),
    )
}

fn key_rings(app: &AppState) -> Vec<KeyRing> {
    let rings = app.verifier.key_status(clock::now());
    rings
        .into_iter()
        .map(|(ring, status)| KeyRing {
            ring: ring.as_str(),
            keys: status.keys,
            age_seconds: status.age_seconds,
            usable: status.usable,
        })
        .collect()
}

/// Whether the database takes writes: without them no user can sign in or spend.
async fn database_state(app: &AppState) -> &'static str {
    match tokio::time::timeout(CHECK_TIMEOUT, app.pool.writes()).await {
        Ok(Ok(Writes::Taken)) => "ok",
        Ok(Ok(Writes::Refused)) => "read-only",
        Ok(Ok(Writes::Hang)) => "waits for a standby",
        Ok(Err(_)) | Err(_) => "unreachable",
    }
}

/// Whether the schema is the one for which this program was built. A good result is remembered: no check can repair a schema that is taken
/// down under a running service.
async fn schema_state(app: &AppState) -> &'static str {
    if app.schema_is_current.load(Ordering::Relaxed) {
        return "ok";
    }
    let check = database::read(&app.pool, |mut connection| async move {
        Ok(schema::status::read_on(&mut connection).await)
    });
    match tokio::time::timeout(CHECK_TIMEOUT, check).await {
        Ok(Ok(Ok(status))) if status.is_current() => {
            app.schema_is_current.store(true, Ordering::Relaxed);
            "ok"
        }
        Ok(Ok(Ok(_))) => "not current",
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => "unknown",
    }
}

/// The result of `/health`, in the shape that old monitors read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    status: &'static str,
    timestamp: String,
    uptime: u64,
    service: &'static str,
    version: &'static str,
    environment: String,
    services: Services,
    /// Milliseconds.
    #[serde(rename = "responseTime")]
    response_time: u64,
}

/// The parts that a monitor asks for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Services {
    database: Part,
}

/// One part.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Part {
    status: &'static str,
}

/// Health in the shape that monitors of the legacy service read
#[utoipa::path(get, path = "/health", operation_id = "getHealth", tag = OPERATORS,
    responses(
        (status = 200, description = "Healthy", body = Health),
        (status = 503, description = "The database is unavailable or takes no writes", body = Health),
    ))]
pub async fn health(State(app): State<AppState>) -> (StatusCode, Json<Health>) {
    let started = Instant::now();
    let (code, status) = if database_state(&app).await == "ok" {
        (StatusCode::OK, "healthy")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unhealthy")
    };
    let health = Health {
        status,
        timestamp: clock::now().to_rfc3339().unwrap_or_default(),
        uptime: app.started.elapsed().as_secs(),
        service: "crossfade-origin",
        version: env!("CARGO_PKG_VERSION"),
        environment: format!("{:?}", app.config.environment).to_lowercase(),
        services: Services {
            database: Part { status },
        },
        response_time: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    (code, Json(health))
}
