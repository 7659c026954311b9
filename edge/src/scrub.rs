//! The header firewall: no claim of a caller's about itself gets past it, in any spelling, on any path.

use shared::headers;
use shared::service_keys::{Service, ServiceKeys};

use crate::changes::HeaderChanges;
pub use crate::request::CLIENT_IP;
use crate::request::Inbound;
use crate::trace::Trace;

/// How services that get no assertion, or do not read it, learn the client's address.
pub const FORWARDED_FOR: &str = "x-forwarded-for";
/// How they learn whether the client came over TLS.
pub const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Removes what only the edge may say, and says what it says on every path.
///
/// Returns the changes, and the service that proved itself by its key. The key itself is removed like a forged identity: it is put back
/// for the few that need it.
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
    // What vendors kept about another trace says nothing about this one (W3C Trace Context section 3.3.1).
    if trace.is_restarted && inbound.header(headers::TRACESTATE).is_some() {
        changes.remove(headers::TRACESTATE);
    }
    changes.set(headers::REQUEST_ID, trace.request_id.as_str());
    changes.set(headers::TRACEPARENT, &trace.traceparent);
    (changes, service)
}

/// Removes what the client says is for this connection alone (RFC 9110 section 7.6.1): the runtime drops `Connection` itself and hands on
/// what it names. Not what the edge judged, or the network said: what is judged is what is sent, whatever a client names.
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

/// Whether the edge, or the runtime that sends the request, goes by this header, or the network set it.
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
    fn header_that_the_edge_goes_by_is_kept_whatever_connection_names() {
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
