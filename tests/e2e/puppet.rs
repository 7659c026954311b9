//! A side of the move that a test plays itself: it answers as the test says, and records its requests.

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
    /// The cursors of the requests for changes; `None` at first.
    cursors: Vec<Option<String>>,
    holds_changes: watch::Sender<bool>,
    holds_others: watch::Sender<bool>,
}

impl Puppet {
    /// Starts one that answers everything with 200 and names no particular user.
    pub async fn start() -> Self {
        let strings = Arc::new(Mutex::new(Strings {
            status: 200,
            user: json!({}),
            asked: Vec::new(),
            cursors: Vec::new(),
            holds_changes: watch::Sender::new(false),
            holds_others: watch::Sender::new(false),
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

    /// From now on it answers everything with `status`.
    pub fn answers(&self, status: u16) {
        self.strings.lock().unwrap().status = status;
    }

    /// From now on it answers with this user.
    pub fn knows(&self, user: Value) {
        self.strings.lock().unwrap().user = user;
    }

    /// From now on it holds back the answer to requests for changes, or no longer does.
    pub fn holds_changes(&self, holds: bool) {
        self.strings.lock().unwrap().holds_changes.send_replace(holds);
    }

    /// From now on it holds back the answer to every other request, or no longer does.
    pub fn holds_others(&self, holds: bool) {
        self.strings.lock().unwrap().holds_others.send_replace(holds);
    }

    /// The cursors of the requests for changes so far.
    pub fn cursors(&self) -> Vec<Option<String>> {
        self.strings.lock().unwrap().cursors.clone()
    }

    /// `METHOD path` of all requests so far.
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
    // An answer before the end of an upload would end the connection. A broken body is the caller's fault.
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
        let holds = if asks_for_changes {
            &strings.holds_changes
        } else {
            &strings.holds_others
        };
        holds.subscribe()
    };
    let _ = held.wait_for(|holds| !holds).await;
    if asks_for_changes {
        let none = json!({ "cursor": "7", "reset": false, "people": [] });
        return axum::Json(json!({ "success": true, "data": none })).into_response();
    }
    let strings = strings.lock().unwrap();
    let status = StatusCode::from_u16(strings.status).unwrap();
    let body = json!({ "success": status.is_success(), "data": { "user": strings.user } });
    (status, axum::Json(body)).into_response()
}
