//! Counts for Prometheus. Labels are methods, route templates, statuses and codes: never an id, an address or a path.
//!
//! Names follow OpenTelemetry's HTTP conventions: <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>.

mod legacy_tokens;
mod parts;

use std::fmt;
use std::time::Duration;

use axum::http::Method;
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use shared::identity::TokenKind;

pub use legacy_tokens::LegacyTokens;
pub use parts::Parts;
pub use prometheus_text::CONTENT_TYPE;

/// Upper bounds of the duration's buckets, in seconds, as OpenTelemetry advises.
const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The metrics of this process.
#[derive(Debug)]
pub struct Metrics {
    /// Legacy tokens that are still in use.
    pub legacy_tokens: LegacyTokens,
    legacy_sessions: Family<[(&'static str, &'static str); 1], Counter>,
    active: Gauge,
    requests: Family<Answered, Histogram, fn() -> Histogram>,
    failures: Family<Failed, Counter>,
    registry: Registry,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    http_request_method: &'static str,
    http_route: String,
    http_response_status_code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    code: &'static str,
    reason: &'static str,
}

/// A request in flight; it ends when this is dropped, also when its caller has gone away.
#[derive(Debug)]
pub struct Active<'a>(&'a Gauge);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Metrics of a process with these `parts`, all zero.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let mut registry = Registry::default();
        let active = Gauge::default();
        registry.register(
            "http_server_active_requests",
            "Requests being answered",
            active.clone(),
        );
        let histogram: fn() -> Histogram = || Histogram::new(BOUNDS);
        let requests = Family::new_with_constructor(histogram);
        registry.register(
            "http_server_request_duration_seconds",
            "Time from the request's head to the answer's",
            requests.clone(),
        );
        let failures = Family::default();
        registry.register(
            "origin_failures",
            "Failed requests by code and finer reason",
            failures.clone(),
        );
        let legacy_tokens = LegacyTokens::register(&mut registry);
        let legacy_sessions = Family::default();
        registry.register(
            "legacy_contract_sessions",
            "Sessions that the legacy contract handed out, by the kind of token",
            legacy_sessions.clone(),
        );
        registry.register_collector(Box::new(parts));
        let metrics = Self {
            legacy_tokens,
            legacy_sessions,
            active,
            requests,
            failures,
            registry,
        };
        for kind in [TokenKind::FirebaseSessionCookie, TokenKind::Firebase] {
            drop(metrics.legacy_sessions.get_or_create(&token_kind(kind)));
        }
        metrics
    }

    /// Counts a request as in flight until the value is dropped.
    pub fn begin(&self) -> Active<'_> {
        self.active.inc();
        Active(&self.active)
    }

    /// Counts an answered request by its route template.
    pub fn answered(&self, method: &Method, route: &str, status: u16, took: Duration) {
        let labels = Answered {
            http_request_method: method_name(method),
            http_route: route.to_owned(),
            http_response_status_code: status,
        };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts a failure by its code and its finer reason.
    pub fn failed(&self, code: &'static str, reason: &'static str) {
        self.failures.get_or_create(&Failed { code, reason }).inc();
    }

    /// Counts a session that the legacy contract gave to a client. An ID token means that no session cookie could be made: its holder is
    /// signed out in an hour.
    pub fn legacy_session(&self, kind: TokenKind) {
        let kind = match kind {
            TokenKind::FirebaseSessionCookie => kind,
            TokenKind::Firebase | TokenKind::Legacy | TokenKind::Translated => TokenKind::Firebase,
        };
        self.legacy_sessions.get_or_create(&token_kind(kind)).inc();
    }

    /// All metrics in Prometheus' text format 0.0.4.
    ///
    /// # Errors
    /// None yet: a `String` accepts every write.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(16 * 1024);
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

const fn token_kind(kind: TokenKind) -> [(&'static str, &'static str); 1] {
    [("token_kind", kind.as_str())]
}

/// An unknown method must not make a label of its own.
pub fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_share_a_label() {
        assert_eq!(method_name(&Method::from_bytes(b"FROBNICATE").unwrap()), "_OTHER");
    }
}
