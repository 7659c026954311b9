//! An issuer's key endpoint that can be slow, down, wrong or rotate its keys, and counts its requests.
//!
//! | route | does |
//! |---|---|
//! | `GET /jwks` | the key set, as the current mode has it |
//! | `GET /cookie-jwks` | the session-cookie issuer's key set, always well |
//! | `GET /control` | what is set, and `fetches` of `/jwks` so far |
//! | `POST /control` | changes the fields that are named ([`Change`]) |
//! | `POST /mint` | a token ([`crate::key_server::MintRequest`]), for tests in other languages |

mod mint;
mod mode;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::keys::{Key, jwk_set};
use crate::serve::{self, ConnectionEnds};

pub use mint::MintRequest;
pub use mode::{Change, Mode, Settings};

/// More than any client should read of a key set.
const HUGE_BYTES: usize = 8 * 1024 * 1024;

/// A running key server. Ends when dropped.
#[derive(Debug)]
pub struct KeyServer {
    address: SocketAddr,
    shared: Shared,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    settings: Settings,
    fetches: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyServer {
    /// Starts one on a free port of this machine.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start() -> std::io::Result<Self> {
        let listener = serve::bind_any().await?;
        let address = listener.local_addr()?;
        let shared = Shared::default();
        let task = tokio::spawn(serve::serve(listener, routes(shared.clone())));
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// The address of its key set.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/jwks", self.address)
    }

    /// Changes how it answers from now on.
    ///
    /// # Errors
    /// Names a key that does not exist.
    pub fn change(&self, change: Change) -> Result<(), String> {
        self.shared.lock().settings.change(change)
    }

    /// How often a client asked for the key set, whatever the answer was.
    #[must_use]
    pub fn fetches(&self) -> u64 {
        self.shared.lock().fetches
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The routes, with a state of their own: the binary serves them.
pub fn router() -> Router {
    routes(Shared::default())
}

fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/jwks", get(key_set))
        .route("/cookie-jwks", get(cookie_key_set))
        .route("/control", get(state).post(change))
        .route("/mint", post(mint::mint))
        .with_state(shared)
}

/// Fresh for as long as Google's: without `max-age` an edge would fetch it again each second.
async fn cookie_key_set() -> Response {
    let caching = [(header::CACHE_CONTROL, "public, max-age=3600, must-revalidate")];
    (caching, Json(jwk_set(Key::named("cookies")))).into_response()
}

async fn key_set(State(shared): State<Shared>) -> Response {
    let settings = {
        let mut inner = shared.lock();
        inner.fetches = inner.fetches.saturating_add(1);
        inner.settings.clone()
    };
    let caching = [
        (
            header::CACHE_CONTROL,
            format!("public, max-age={}, must-revalidate", settings.max_age),
        ),
        (HeaderName::from_static("age"), settings.age.to_string()),
    ];
    match settings.mode {
        Mode::Ok => (caching, Json(settings.key_set())).into_response(),
        Mode::Slow => {
            tokio::time::sleep(Duration::from_millis(settings.delay_ms)).await;
            (caching, Json(settings.key_set())).into_response()
        }
        Mode::Down => ConnectionEnds.into_response(),
        Mode::Error => (StatusCode::SERVICE_UNAVAILABLE, caching, "out of order").into_response(),
        Mode::Garbage => (caching, "<!doctype html><title>keys</title>").into_response(),
        // Answers of 200 that carry no key: Google reports some faults in this shape.
        Mode::Wrong => (
            caching,
            Json(json!({"error": "invalid_request", "error_description": "no"})),
        )
            .into_response(),
        Mode::Hang => std::future::pending().await,
        Mode::Huge => {
            let mut set = settings.key_set();
            set["padding"] = Value::from("x".repeat(HUGE_BYTES));
            (caching, Json(set)).into_response()
        }
    }
}

async fn state(State(shared): State<Shared>) -> Json<Value> {
    Json(shown(&shared.lock()))
}

async fn change(State(shared): State<Shared>, Json(change): Json<Change>) -> Response {
    let mut inner = shared.lock();
    match inner.settings.change(change) {
        Ok(()) => Json(shown(&inner)).into_response(),
        Err(fault) => (StatusCode::BAD_REQUEST, Json(json!({"error": fault}))).into_response(),
    }
}

fn shown(inner: &Inner) -> Value {
    let settings = &inner.settings;
    json!({
        "fetches": inner.fetches,
        "mode": settings.mode,
        "delay_ms": settings.delay_ms,
        "max_age": settings.max_age,
        "age": settings.age,
        "keys": settings.keys.iter().map(|key| json!({"name": key.name(), "kid": key.kid()})).collect::<Vec<_>>(),
    })
}
