//! A request's span. Its attributes follow OpenTelemetry's HTTP conventions, and none can hold data about a user: methods, route templates,
//! statuses and codes. <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>

use axum::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use shared::{headers, trace_context};
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Begins the span of a request, under its caller's if `traceparent` names one. `method` is one of the known ones.
#[must_use]
pub fn begin_request(method: &'static str, route: Option<&str>, headers: &HeaderMap) -> Span {
    let span = info_span!(
        "request",
        otel.name = name(method, route),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        url.scheme = "http",
        "error.type" = Empty,
    );
    if let Some(caller) = caller(headers).filter(|_| !span.is_disabled()) {
        // Fails when the span has already started, which does not happen here.
        let _started = span.set_parent(Context::new().with_remote_span_context(caller));
    }
    span
}

/// Records how the request ended: `error` is a code of ours if the service failed. A caller's mistake is no error of the server's span, by
/// the conventions.
pub fn end_request(span: &Span, status: u16, error: Option<&'static str>) {
    // The layer accepts only this type of whole number.
    span.record("http.response.status_code", i64::from(status));
    if let Some(error) = error {
        span.record("error.type", error);
        span.record("otel.status_code", "error");
    }
}

/// The id of the trace to which the span is sent, for the log.
#[must_use]
pub fn trace_id(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let place = context.span().span_context().clone();
    place.is_sampled().then(|| place.trace_id().to_string())
}

/// An unknown method is `HTTP` in a name, by the conventions.
fn name(method: &str, route: Option<&str>) -> String {
    let method = if method == "_OTHER" { "HTTP" } else { method };
    match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    }
}

/// The caller's span; `None` with two headers.
fn caller(headers: &HeaderMap) -> Option<SpanContext> {
    let mut values = headers.get_all(headers::TRACEPARENT).iter();
    let (Some(only), None) = (values.next(), values.next()) else {
        return None;
    };
    let caller = trace_context::parse(only.to_str().ok()?)?;
    Some(SpanContext::new(
        TraceId::from_hex(caller.trace_id).ok()?,
        SpanId::from_hex(caller.parent_id).ok()?,
        TraceFlags::new(u8::from_str_radix(caller.flags, 16).ok()?),
        true,
        TraceState::NONE,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caller_is_named_by_one_header() {
        let mut headers = HeaderMap::new();
        let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers.append("traceparent", sent.parse().unwrap());
        let found = caller(&headers).unwrap();
        assert_eq!(found.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(found.span_id().to_string(), "00f067aa0ba902b7");
        assert!(found.is_sampled() && found.is_remote());
        headers.append("traceparent", sent.parse().unwrap());
        assert_eq!(caller(&headers), None);
    }

    #[test]
    fn unknown_method_is_named_http() {
        assert_eq!(name("_OTHER", Some("/livez")), "HTTP /livez");
        assert_eq!(name("GET", None), "GET");
    }
}
