//! A refusal in Google's form.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::control::Failure;
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
