//! `auth.auth_events`, the audit trail: who did what to whom, when and from where.

use std::net::IpAddr;

/// Where a request came from, for the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, as the edge saw it.
    pub source_ip: Option<IpAddr>,
    /// The request's name.
    pub request_id: Option<String>,
}

impl Origin {
    /// The address as the statements take it.
    pub(crate) fn source_ip_text(&self) -> Option<String> {
        self.source_ip.map(|address| address.to_string())
    }
}
