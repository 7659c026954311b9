//! Spans as OTLP writes them in JSON: ids in hexadecimal, 64-bit numbers as text, members in lowerCamelCase.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>,
//! <https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto>

use serde_json::{Value, json};

use super::span::{Call, Span};

/// `SpanKind`.
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
/// `Status.StatusCode`.
const ERROR: u8 = 2;

/// The body of `POST /v1/traces`.
pub(super) fn request(service: &str, spans: &[Span]) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", service), text("service.version", version)]},
        "scopeSpans": [{
            "scope": {"name": env!("CARGO_PKG_NAME"), "version": version},
            "spans": spans.iter().map(span).collect::<Vec<_>>(),
        }],
    }]});
    body.to_string().into_bytes()
}

fn span(span: &Span) -> Value {
    let (kind, name, mut attributes) = match &span.call {
        Call::Answered { method, route } => {
            let mut attributes = vec![text("http.request.method", method), text("url.scheme", "http")];
            attributes.extend(route.as_deref().map(|route| text("http.route", route)));
            (SERVER, server_name(method, route.as_deref()), attributes)
        }
        // `url.full` is left out, against the conventions: it holds the API key.
        Call::Made { api } => {
            let attributes = vec![text("http.request.method", "POST"), text("url.template", api)];
            (CLIENT, format!("POST {api}"), attributes)
        }
    };
    if let Some(status) = span.outcome.status {
        attributes
            .push(json!({"key": "http.response.status_code", "value": {"intValue": status.to_string()}}));
    }
    attributes.extend(span.outcome.error.map(|error| text("error.type", error)));
    let mut written = json!({
        "traceId": format!("{:032x}", span.place.trace_id),
        "spanId": format!("{:016x}", span.place.span_id),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": span.started.as_nanos().to_string(),
        "endTimeUnixNano": span.started.saturating_add(span.took).as_nanos().to_string(),
        "attributes": attributes,
    });
    if let Some(members) = written.as_object_mut() {
        if let Some(parent) = span.place.parent_id {
            members.insert("parentSpanId".to_owned(), format!("{parent:016x}").into());
        }
        if span.outcome.error.is_some() {
            members.insert("status".to_owned(), json!({"code": ERROR}));
        }
    }
    written
}

/// A method nobody has heard of is `HTTP` in a name, as the conventions say.
fn server_name(method: &str, route: Option<&str>) -> String {
    let method = if method == "_OTHER" { "HTTP" } else { method };
    match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}
