//! What the journal and the answer's headers say about a request.

use shared::identity::TokenKind;

use crate::paths::Limit;
use crate::trace::Trace;

/// Notes for the journal, and for the headers that tell a caller which side answered.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// The request's name and trace.
    pub trace: Option<Trace>,
    /// Which side answered.
    pub route: &'static str,
    /// Why.
    pub reason: &'static str,
    /// The side chosen first, if the edge asked the other one too.
    pub instead_of: Option<&'static str>,
    /// The kind of the verified token.
    pub token_kind: Option<TokenKind>,
    /// Whether the edge made a legacy token and sent it to the service.
    pub translated: bool,
    /// The service that proved itself by its key.
    pub service: Option<String>,
    /// The limit that the call counts against.
    pub limit: Option<Limit>,
    /// Whether the call was let through because its counter failed or it had no address.
    pub limits_failed: bool,
    /// The stable code of a failure made here.
    pub code: Option<&'static str>,
    /// The user's bucket, where a sign-in or a registration says who it is: whichever rule decided.
    pub bucket: Option<u16>,
}

impl Notes {
    /// The request's name; empty before it has one.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.trace.as_ref().map_or("", |trace| trace.request_id.as_str())
    }
}
