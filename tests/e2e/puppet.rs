//! A side of the move that a test plays itself: it answers as it is told, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use testkit::serve;
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
}

impl Puppet {
    /// Starts one that answers everything with 200 and nobody in particular.
    pub async fn start() -> Self {
        let strings = Arc::new(Mutex::new(Strings {
            status: 200,
            user: json!({}),
            asked: Vec::new(),
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
    let mut strings = strings.lock().unwrap();
    let asked = format!("{} {}", request.method, request.uri.path());
    strings.asked.push(asked);
    let status = StatusCode::from_u16(strings.status).unwrap();
    let body = json!({ "success": status.is_success(), "data": { "user": strings.user } });
    (status, axum::Json(body)).into_response()
}
