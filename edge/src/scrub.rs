//! The header firewall: no caller's header about its own identity gets past it, in any spelling, on any path.

use shared::headers;
use shared::service_keys::{Service, ServiceKeys};

use crate::changes::HeaderChanges;
pub use crate::request::CLIENT_IP;
use crate::request::Inbound;
use crate::trace::Trace;

/// The header that tells the client's address to services that get no assertion, or do not read it.
pub const FORWARDED_FOR: &str = "x-forwarded-for";
/// The header that tells them whether the client came over TLS.
pub const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Removes the headers that only the edge may set, and sets those that it sends on every path.
///
/// Returns the changes, and the service that proved itself by its key. It removes the key itself like a forged identity; the edge puts it
/// back for the few services that need it.
pub fn scrub<'a>(
    inbound: &Inbound<'_>,
    services: &'a ServiceKeys,
    trace: &Trace,
) -> (HeaderChanges, Option<&'a Service>) {
    let mut changes = HeaderChanges::new();
    let service = inbound
        .header(headers::SERVICE_KEY)
        .and_then(|key| services.identify(key));
    for name in inbound.header_names().filter(|name| headers::is_reserved(name)) {
        changes.remove(name);
    }
    drop_connection_options(inbound, &mut changes);
    // Vendors' entries about another trace say nothing about this one (W3C Trace Context section 3.3.1).
    if trace.is_restarted && inbound.header(headers::TRACESTATE).is_some() {
        changes.remove(headers::TRACESTATE);
    }
    changes.set(headers::REQUEST_ID, trace.request_id.as_str());
    changes.set(headers::TRACEPARENT, &trace.traceparent);
    (changes, service)
}

/// Removes the headers that the client names as meant for this connection alone (RFC 9110 section 7.6.1): the runtime drops only
/// `Connection` itself. It keeps headers that the edge judged or the network set: the edge sends what it judged, whatever a client names.
fn drop_connection_options(inbound: &Inbound<'_>, changes: &mut HeaderChanges) {
    let Some(connection) = inbound.header("connection") else {
        return;
    };
    let mut options: Vec<String> = connection
        .split(',')
        .map(|option| option.trim().to_ascii_lowercase())
        .collect();
    options.sort_unstable();
    let is_option = |name: &str| {
        options
            .binary_search_by(|option| option.as_str().cmp(name))
            .is_ok()
    };
    for name in inbound.header_names().filter(|name| is_option(name)) {
        let is_handshake = name == "upgrade" && inbound.asks_for_websocket();
        if !is_handshake && !is_end_to_end(name) {
            changes.remove(name);
        }
    }
}

/// Whether the edge, or the runtime that sends the request, uses this header, or the network set it.
fn is_end_to_end(name: &str) -> bool {
    matches!(
        name,
        "authorization" | "cookie" | "host" | "origin" | "transfer-encoding"
    ) || ["content-", "sec-websocket-", "cf-"]
        .iter()
        .any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(headers: &str) -> String {
        let description = format!("GET\nhttps://gw/\n{headers}");
        let mut changes = HeaderChanges::new();
        drop_connection_options(&Inbound::parse(&description).unwrap(), &mut changes);
        changes.as_text().to_owned()
    }

    #[test]
    fn header_that_connection_names_is_dropped() {
        for (headers, dropped) in [
            ("connection:keep-alive\nx-hop:1", ""),
            ("connection:close, X-Hop ,x-other\nx-hop:1\nx-end:2", "x-hop"),
            ("connection:x-hop\nconnected:1", ""),
            ("connection:upgrade\nupgrade:h2c", "upgrade"),
            ("connection:upgrade\nupgrade:WebSocket", ""),
        ] {
            assert_eq!(changes(headers), dropped, "{headers}");
        }
    }

    #[test]
    fn header_that_the_edge_uses_survives_connection() {
        for name in [
            "authorization",
            "cookie",
            "content-length",
            "content-type",
            "origin",
            "cf-connecting-ip",
            "sec-websocket-protocol",
        ] {
            assert_eq!(changes(&format!("connection:{name}\n{name}:1")), "", "{name}");
        }
    }
}
