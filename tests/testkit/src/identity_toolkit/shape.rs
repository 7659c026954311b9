//! The shapes of the real service's error answers, and the ways in which an answer may arrive.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Frame;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A shape of `error`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `accounts:*`: `errors[]` and no `status`.
    #[default]
    V1,
    /// `mfa*` and Secure Token: `status` and no `errors[]`.
    V2,
    /// A field of the wrong JSON type.
    JsonType,
    /// The API key is wrong.
    ApiKeyWrong,
    /// There is no API key.
    ApiKeyAbsent,
    /// An API key where the call needs an access token.
    NoAccessToken,
    /// Google's own fault.
    Internal,
    /// An unknown path: no JSON.
    Html,
}

/// How an answer arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// At once.
    #[default]
    Whole,
    /// Its head and half of its body arrive, then nothing more.
    Stalled,
    /// Its head and half of its body arrive, then the connection ends.
    Cut,
}

impl Shape {
    /// The body of an answer of `status` about `message`.
    pub(super) fn body(self, status: u16, message: &str) -> String {
        let error = match self {
            Self::V1 => json!({
                "code": status, "message": message,
                "errors": [{"message": message, "domain": "global", "reason": "invalid"}],
            }),
            Self::V2 => json!({"code": status, "message": message, "status": status_name(status)}),
            Self::JsonType => json!({
                "code": status, "message": format!("Invalid value at 'password' (TYPE_STRING), {message}"),
                "errors": [{"message": message, "reason": "invalid"}], "status": "INVALID_ARGUMENT",
                "details": [{
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "fieldViolations": [{"field": "password", "description": message}],
                }],
            }),
            Self::ApiKeyWrong => json!({
                "code": status, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT",
                "details": [
                    {
                        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com",
                        "metadata": {"service": "identitytoolkit.googleapis.com"},
                    },
                    {"@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": message},
                ],
            }),
            Self::ApiKeyAbsent => json!({
                "code": status, "status": "PERMISSION_DENIED", "errors": [{"message": message, "domain": "global", "reason": "forbidden"}],
                "message": "Method doesn't allow unregistered callers (callers without established identity).",
            }),
            Self::NoAccessToken => json!({
                "code": status, "status": "UNAUTHENTICATED", "message": "Request is missing required authentication credential.",
                "errors": [{"message": "Login Required.", "reason": "required", "location": "Authorization", "locationType": "header"}],
                "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "CREDENTIALS_MISSING"}],
            }),
            Self::Internal => json!({
                "code": status, "message": "Internal error encountered.", "status": "INTERNAL",
                "errors": [{"message": "Internal error encountered.", "domain": "global", "reason": "backendError"}],
            }),
            Self::Html => return format!("<!DOCTYPE html><title>Error {status} (Not Found)!!1</title>"),
        };
        json!({"error": error}).to_string()
    }

    const fn media(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=UTF-8",
            _ => "application/json; charset=UTF-8",
        }
    }

    /// The whole answer.
    pub(super) fn answer(
        self,
        status: u16,
        message: &str,
        body: Option<&Value>,
        arrival: Arrival,
    ) -> Response {
        let body = body.map_or_else(|| self.body(status, message), Value::to_string);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (
            status,
            [(header::CONTENT_TYPE, self.media())],
            arriving(body, arrival),
        )
            .into_response()
    }
}

fn arriving(text: String, arrival: Arrival) -> Body {
    let first = text.get(..text.len() / 2).unwrap_or_default().to_owned();
    match arrival {
        Arrival::Whole => Body::from(text),
        Arrival::Stalled | Arrival::Cut => Body::new(Half {
            first: Some(Bytes::from(first)),
            cut: arrival == Arrival::Cut,
        }),
    }
}

/// The first half of a body; the second half never comes.
struct Half {
    first: Option<Bytes>,
    cut: bool,
}

impl hyper::body::Body for Half {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None if self.cut => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            // Nothing wakes it: the client has to give up.
            None => Poll::Pending,
        }
    }
}

/// Names of <https://cloud.google.com/apis/design/errors#handling_errors>.
pub(super) const fn status_name(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INVALID_ARGUMENT",
    }
}
