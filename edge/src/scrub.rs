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
    // What vendors kept about another trace says nothing about this one (W3C Trace Context section 3.3.1).
    if trace.is_restarted && inbound.header(headers::TRACESTATE).is_some() {
        changes.remove(headers::TRACESTATE);
    }
    changes.set(headers::REQUEST_ID, trace.request_id.as_str());
    changes.set(headers::TRACEPARENT, &trace.traceparent);
    (changes, service)
}
