//! How the service misbehaves; tests change it while it runs.

use std::future::pending;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;

use super::answer::Failure;
use crate::serve::ConnectionEnds;

const PATH: &str = "/control";
/// Longer than any client waits.
const MAX_LATENCY_MS: u64 = 60_000;

/// The faults; at first none. Each `POST` replaces all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Delays the beginning of every answer by this many milliseconds.
    pub latency_ms: u64,
    /// Answers everything with this status (500–599), and does nothing.
    pub status: Option<u16>,
    /// Gives no answer, and keeps the connection.
    pub hang: bool,
    /// Gives the port up: connecting is refused, and connections end without an answer. The holder of the [`Control`] undoes this, or a
    /// call to the control's own port.
    pub refuse: bool,
    /// Only paths that start with one of these; empty means all. `refuse` ignores it.
    pub routes: Vec<String>,
}

impl Faults {
    fn check(&self) -> Result<(), &'static str> {
        if self.latency_ms > MAX_LATENCY_MS {
            return Err("latency_ms is more than a minute");
        }
        if self.status.is_some_and(|status| !(500..600).contains(&status)) {
            return Err("status is not 500 to 599");
        }
        Ok(())
    }

    fn is_about(&self, path: &str) -> bool {
        self.routes.is_empty() || self.routes.iter().any(|start| path.starts_with(start))
    }
}

/// Sets the faults of one service.
#[derive(Debug, Clone, Default)]
pub struct Control(watch::Sender<Faults>);

impl Control {
    /// Replaces the faults.
    ///
    /// # Errors
    /// The rule that they break.
    pub fn set(&self, faults: Faults) -> Result<(), &'static str> {
        faults.check()?;
        self.0.send_replace(faults);
        Ok(())
    }

    /// Waits until the service is to accept connections, or to refuse them.
    pub async fn until_accepting(&self, accepting: bool) {
        // The sender is ours, so the channel stays.
        let _ = self
            .0
            .subscribe()
            .wait_for(|faults| faults.refuse != accepting)
            .await;
    }

    /// `GET` and `POST /control`: part of the service's own routes, and also served on a port of its own, which stays when the service
    /// gives its port up.
    pub fn router(&self) -> Router {
        Router::new()
            .route(PATH, get(show).post(change))
            .with_state(self.clone())
    }
}

async fn show(State(control): State<Control>) -> Json<Faults> {
    Json(control.0.borrow().clone())
}

async fn change(State(control): State<Control>, Json(faults): Json<Faults>) -> Response {
    match control.set(faults.clone()) {
        Ok(()) => Json(faults).into_response(),
        Err(rule) => (StatusCode::BAD_REQUEST, Json(json!({"error": rule}))).into_response(),
    }
}

/// Misbehaves, if the faults are for this request.
pub async fn misbehave(State(control): State<Control>, request: Request, next: Next) -> Response {
    let faults = control.0.borrow().clone();
    if faults.refuse {
        return ConnectionEnds.into_response();
    }
    if faults.is_about(request.uri().path()) {
        if faults.hang {
            pending::<()>().await;
        }
        if faults.latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(faults.latency_ms)).await;
        }
        if let Some(status) = faults.status.and_then(|status| StatusCode::from_u16(status).ok()) {
            return Failure::new(status, "INTERNAL_ERROR", "An unexpected error occurred").into_response();
        }
    }
    next.run(request).await
}
