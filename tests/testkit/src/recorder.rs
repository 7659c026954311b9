//! A service behind the edge that answers with the request that it received, so that a test sees what got through.
//!
//! The answer to any request is 200 (or the status in `?status=`) with [`Received`] as JSON; `?location=` and `?expose=` fill the headers
//! `Location` and `Access-Control-Expose-Headers`. Its headers claim facts that only the edge may state: the edge must correct them. It
//! accepts a WebSocket on any path, see [`socket`].

pub mod socket;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ring::digest;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::serve;

/// The most bytes of a body that it reads.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// A running recorder. Ends when dropped.
#[derive(Debug)]
pub struct Recorder {
    /// Its base address.
    pub url: String,
    task: JoinHandle<()>,
}

/// A request as it arrived.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Received {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case and values, in the order of the wire.
    pub headers: Vec<(String, String)>,
    /// The body's length in bytes.
    pub body_bytes: usize,
    /// The body's SHA-256, in hexadecimal.
    pub body_sha256: String,
}

impl Received {
    /// All values of the headers called `name`.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The value of the header called `name`, if there is exactly one.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        match self.all(name).as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

impl Recorder {
    /// Starts one on a free port of this machine.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start() -> std::io::Result<Self> {
        let listener = serve::bind_any().await?;
        let url = format!("http://{}", listener.local_addr()?);
        let routes = Router::new().fallback(answer);
        Ok(Self {
            url,
            task: tokio::spawn(serve::serve(listener, routes)),
        })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// SHA-256 in hexadecimal, as in [`Received::body_sha256`].
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, bytes);
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn answer(request: Request) -> Response {
    if request.headers().contains_key("upgrade") {
        return socket::accept(request);
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let received = Received {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: shown(&parts.headers),
        body_bytes: body.len(),
        body_sha256: sha256(&body),
    };
    let text = serde_json::to_string(&received).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = wanted_status(parts.uri.query());
    for (parameter, name) in [
        ("location", "location"),
        ("expose", "access-control-expose-headers"),
    ] {
        let value = wanted(parts.uri.query(), parameter).and_then(|value| HeaderValue::from_str(value).ok());
        if let Some(value) = value {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    for (name, value) in [
        ("content-type", "application/json"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("x-auth-route", "forged"),
        ("x-auth-route-reason", "forged"),
        ("x-request-id", "forged"),
        ("x-of-the-service", "kept"),
    ] {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        })
        .collect()
}

fn wanted_status(query: Option<&str>) -> StatusCode {
    wanted(query, "status")
        .and_then(|status| status.parse().ok())
        .unwrap_or(StatusCode::OK)
}

/// The value of `name` in the query; escapes in it stay.
fn wanted<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    query?
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}
