//! What there is to say about a request once it has been answered.

use shared::identity::TokenKind;

use crate::paths::Limit;
use crate::trace::Trace;

/// Notes for the journal, and for the headers that tell a caller who answered.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// The request's name and trace.
    pub trace: Option<Trace>,
    /// Which side answered.
    pub route: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Which side was decided on first, if the other one was asked too.
    pub instead_of: Option<&'static str>,
    /// The kind of token that was verified.
    pub token_kind: Option<TokenKind>,
    /// Whether the service was sent a legacy token that was made here.
    pub translated: bool,
    /// The service that proved itself by its key.
    pub service: Option<String>,
    /// The limit that the call counts against.
    pub limit: Option<Limit>,
    /// Whether a counter could not be asked, or there was no address to count by: the call was let through.
    pub limits_failed: bool,
    /// The stable code of a failure made here.
    pub code: Option<&'static str>,
    /// The user's bucket, where one decided.
    pub bucket: Option<u16>,
}

impl Notes {
    /// The request's name; empty before it has one.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.trace.as_ref().map_or("", |trace| trace.request_id.as_str())
    }
}
