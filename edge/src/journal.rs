//! One structured line a request. Its fields are a fixed set, and a caller can put nothing of their own into them: no token, body, query,
//! address or header value.

use serde::Serialize;

/// What happened to a request.
#[derive(Debug, Clone, Serialize)]
pub struct Entry<'a> {
    /// `info`, or `warn` when it failed by our fault or took the other side.
    pub level: &'static str,
    /// The request's name.
    pub request_id: &'a str,
    /// The trace to which it belongs.
    pub traceparent: &'a str,
    /// Method.
    pub method: &'a str,
    /// The template of the path on our own contracts (`/v1/users/{id}`), or the prefix of an app service; absent otherwise, since a path
    /// may hold anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
    /// HTTP status answered.
    pub status: u16,
    /// The side that answered.
    pub route: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The side chosen first, if the edge asked the other one too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<&'a str>,
    /// The kind of the verified token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_kind: Option<&'static str>,
    /// Whether the edge made a legacy token and sent it to the service: the service still needs translation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub translated: bool,
    /// The service that presented its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'a str>,
    /// The stable code of a failure made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// Whether the call was let through because it could not be counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub limits_failed: bool,
    /// The user's bucket, where a sign-in or a registration says who it is: whichever rule decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<u16>,
    /// From arrival to the answer's headers, in milliseconds. The runtime's clock stands still while it computes.
    pub duration_ms: u64,
}
