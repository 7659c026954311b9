//! How the service is to misbehave, changed while it runs.

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
/// Longer than anybody waits.
const MAX_LATENCY_MS: u64 = 60_000;

/// What is wrong; at first nothing. Each `POST` replaces the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Every answer begins this many milliseconds late.
    pub latency_ms: u64,
    /// Every answer is this status (500–599), and nothing is done.
    pub status: Option<u16>,
    /// There is no answer, and the connection stays.
    pub hang: bool,
    /// The port is given up: connecting is refused, and connections end without an answer. Undone by whoever holds the
    /// [`Control`], or through its own port.
    pub refuse: bool,
    /// Only paths that start with one of these; empty means all. Of no meaning for `refuse`.
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

    /// Waits until connections are to be accepted, or not.
    pub async fn until_accepting(&self, accepting: bool) {
        // The sender is ours, so the channel stays.
        let _ = self
            .0
            .subscribe()
            .wait_for(|faults| faults.refuse != accepting)
            .await;
    }

    /// `GET` and `POST /control`: part of the service's own routes, and for a port of its own, which stays when the service's is
    /// given up.
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

/// Misbehaves, if this request is to see it.
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
