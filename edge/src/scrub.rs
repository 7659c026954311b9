//! The header firewall: no claim of a caller's about itself gets past it, in any spelling, on any path.

use shared::headers;
use shared::service_keys::{Service, ServiceKeys};

use crate::changes::HeaderChanges;
use crate::request::Inbound;
use crate::trace::Trace;

/// The client's address as Cloudflare saw it. Set by the network for every request that comes through it.
pub const CLIENT_IP: &str = "cf-connecting-ip";
/// How services that get no assertion, or do not read it, learn that address.
pub const FORWARDED_FOR: &str = "x-forwarded-for";

/// Removes what only the edge may say, and says what it says on every path.
///
/// Returns the changes, and the service that proved itself by its key; any other key is removed like a forged identity.
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
        if service.is_none() || name != headers::SERVICE_KEY {
            changes.remove(name);
        }
    }
    changes.set(headers::REQUEST_ID, trace.request_id.as_str());
    changes.set(headers::TRACEPARENT, &trace.traceparent);
    // What arrived under these names is the caller's word about where it comes from.
    for name in ["forwarded", "x-real-ip", FORWARDED_FOR] {
        if inbound.header(name).is_some() {
            changes.remove(name);
        }
    }
    (changes, service)
}
