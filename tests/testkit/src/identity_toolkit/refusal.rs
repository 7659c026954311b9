//! Refusals in Google's forms, and those that tests ask for.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::shape::{Arrival, Shape};

/// A refusal, in one of Google's shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    message: String,
    /// Seconds for `Retry-After`.
    retry_after: Option<u32>,
    shape: Shape,
    /// A body instead of the shape.
    body: Option<Value>,
    arrival: Arrival,
}

impl Refusal {
    /// 400 with one of Identity Toolkit's own codes, and perhaps an explanation after ` : `.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            retry_after: None,
            shape: Shape::default(),
            body: None,
            arrival: Arrival::default(),
        }
    }

    pub(super) const fn shaped(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// The refusal that a test asked for.
    pub(super) fn of(failure: &Failure) -> Self {
        Self {
            status: failure.status,
            message: failure.message.clone(),
            retry_after: failure.retry_after,
            shape: failure.shape,
            body: failure.body.clone(),
            arrival: failure.arrival,
        }
    }

    /// The refusal of a call with a missing or unknown access token.
    pub(super) fn unauthenticated() -> Self {
        Self::new(
            401,
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid \
             authentication credential.",
        )
        .shaped(Shape::NoAccessToken)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self
            .shape
            .answer(self.status, &self.message, self.body.as_ref(), self.arrival);
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A refusal on demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// HTTP status.
    pub status: u16,
    /// `error.message`.
    #[serde(default)]
    pub message: String,
    /// How often; without it for ever.
    #[serde(default)]
    pub times: Option<u32>,
    /// Seconds for `Retry-After`.
    #[serde(default)]
    pub retry_after: Option<u32>,
    /// Only for calls about this address; without it for all calls.
    #[serde(default)]
    pub only: Option<String>,
    /// The shape of the body.
    #[serde(default)]
    pub shape: Shape,
    /// A body instead of this shape: a 200 may carry an error.
    #[serde(default)]
    pub body: Option<Value>,
    /// How it arrives.
    #[serde(default)]
    pub arrival: Arrival,
}

/// A refusal of RFC 6749 section 5.2.
pub(super) struct Denied(pub &'static str, pub &'static str);

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let body = json!({"error": self.0, "error_description": self.1});
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}
