//! The two envelopes, and the headers of every answer.

use axum::Json;
use axum::extract::{OriginalUri, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// `{success:true, message, data}`; `data` is left out when it is `null`.
pub fn success(status: StatusCode, message: &str, data: &Value) -> Response {
    let body = if data.is_null() {
        json!({"success": true, "message": message})
    } else {
        json!({"success": true, "message": message, "data": data})
    };
    (status, Json(body)).into_response()
}

/// 200 with the message of most answers.
pub fn ok(data: &Value) -> Response {
    success(StatusCode::OK, "Success", data)
}

/// `{success:false, error:{code, message, details?}}`
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Option<Value>,
}

impl Failure {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            details: None,
        }
    }

    /// The broken rules of a body, in words.
    pub fn validation(faults: &[String]) -> Self {
        Self {
            details: Some(json!(faults)),
            ..Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", "Validation failed")
        }
    }

    /// A refusal by the profile's formatter, which adds an empty object.
    pub fn of_profile(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self {
            details: Some(json!({})),
            ..Self::new(status, code, message)
        }
    }

    /// Any fault that the service does not expect. The cause goes to the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        eprintln!("legacy stand-in: {cause}");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_ERROR",
            "An unexpected error occurred",
        )
    }

    pub fn user_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "USER_NOT_FOUND", "User not found")
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut error = json!({"code": self.code, "message": self.message});
        if let (Some(error), Some(details)) = (error.as_object_mut(), self.details) {
            error.insert("details".to_owned(), details);
        }
        (self.status, Json(json!({"success": false, "error": error}))).into_response()
    }
}

/// A time as JavaScript writes it.
pub fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The answer to an unknown route.
pub async fn no_route(method: Method, OriginalUri(uri): OriginalUri) -> Failure {
    let message = format!("Route {method} {uri} not found");
    Failure::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
}

/// Gives every answer a name, and lets every web page read it.
pub async fn dress(request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let preflight = request.method() == Method::OPTIONS && origin.is_some();
    let mut response = if preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    if preflight {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE"),
        );
    }
    response
}
