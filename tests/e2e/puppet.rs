//! A side of the move that a test plays itself: it answers as it is told, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use testkit::serve;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// A running puppet. Ends when dropped.
pub struct Puppet {
    pub url: String,
    strings: Arc<Mutex<Strings>>,
    task: JoinHandle<()>,
}

struct Strings {
    status: u16,
    user: Value,
    asked: Vec<String>,
    /// The cursors that changes were asked for with; `None` at first.
    cursors: Vec<Option<String>>,
    holds_changes: watch::Sender<bool>,
}

impl Puppet {
    /// Starts one that answers everything with 200 and nobody in particular.
    pub async fn start() -> Self {
        let strings = Arc::new(Mutex::new(Strings {
            status: 200,
            user: json!({}),
            asked: Vec::new(),
            cursors: Vec::new(),
            holds_changes: watch::Sender::new(false),
        }));
        let listener = serve::bind_any().await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&strings));
        Self {
            url,
            strings,
            task: tokio::spawn(serve::serve(listener, routes)),
        }
    }

    /// From now on everything is answered with `status`.
    pub fn answers(&self, status: u16) {
        self.strings.lock().unwrap().status = status;
    }

    /// From now on this is the user in its answers.
    pub fn knows(&self, user: Value) {
        self.strings.lock().unwrap().user = user;
    }

    /// From now on whoever asks for changes waits for an answer, or does no longer.
    pub fn holds_changes(&self, holds: bool) {
        self.strings.lock().unwrap().holds_changes.send_replace(holds);
    }

    /// The cursors that changes were asked for with so far.
    pub fn cursors(&self) -> Vec<Option<String>> {
        self.strings.lock().unwrap().cursors.clone()
    }

    /// `METHOD path` of all it was asked so far.
    pub fn asked(&self) -> Vec<String> {
        self.strings.lock().unwrap().asked.clone()
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(strings): State<Arc<Mutex<Strings>>>, request: Request) -> Response {
    let (request, body) = request.into_parts();
    // An answer before the end of an upload would end the connection. What breaks is the caller's.
    let _ = axum::body::to_bytes(body, MAX_BODY_BYTES).await;
    let asks_for_changes = request.uri.path() == "/v1/changes";
    let mut held = {
        let mut strings = strings.lock().unwrap();
        let asked = format!("{} {}", request.method, request.uri.path());
        strings.asked.push(asked);
        if asks_for_changes {
            let cursor = request.uri.query().and_then(|query| query.strip_prefix("since="));
            strings.cursors.push(cursor.map(str::to_owned));
        }
        strings.holds_changes.subscribe()
    };
    if asks_for_changes {
        let _ = held.wait_for(|holds| !holds).await;
        let none = json!({ "cursor": "7", "reset": false, "people": [] });
        return axum::Json(json!({ "success": true, "data": none })).into_response();
    }
    let strings = strings.lock().unwrap();
    let status = StatusCode::from_u16(strings.status).unwrap();
    let body = json!({ "success": status.is_success(), "data": { "user": strings.user } });
    (status, axum::Json(body)).into_response()
}
