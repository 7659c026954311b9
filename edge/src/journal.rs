//! One structured line a request. Its fields are a fixed set and hold nothing a caller could smuggle in: no token, body,
//! query, address or header value.

use serde::Serialize;

/// What happened to a request.
#[derive(Debug, Clone, Serialize)]
pub struct Entry<'a> {
    /// `info`, or `warn` when it failed by our fault or took the other side.
    pub level: &'static str,
    /// The request's name.
    pub request_id: &'a str,
    /// The trace it belongs to.
    pub traceparent: &'a str,
    /// Method.
    pub method: &'a str,
    /// The template of the path on our own contracts (`/v1/users/{id}`), the prefix of an app service; absent otherwise, since a path may
    /// hold anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
    /// HTTP status answered.
    pub status: u16,
    /// Which side answered.
    pub route: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Which side was decided on first, if the other one was asked too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<&'a str>,
    /// The kind of token that was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_kind: Option<&'static str>,
    /// Whether the service behind was sent a legacy token that was made here: it still needs translation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub translated: bool,
    /// The service that presented its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'a str>,
    /// The stable code of a failure made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// Whether the call was let through because nothing could be counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub limits_failed: bool,
    /// The user's bucket, where one decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<u16>,
    /// From arrival to the answer's headers, in milliseconds. The runtime's clock stands still while it computes.
    pub duration_ms: u64,
}
