//! The hash that recognises the repeat of a request.

use sha2::{Digest, Sha256};

/// SHA-256 of the canonical form of a request: tells a repeat from another request with the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestHash(pub [u8; 32]);

/// Hashes a request field by field. The length in bytes precedes each value: two different requests never have one form, whatever their
/// text. The hash of the form is stored for ever: a change needs a new version line.
pub(super) struct Canonical(Sha256);

impl Canonical {
    pub(super) fn new(verb: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(b"crossfade-ledger-request/1\n");
        Self(digest).field("verb", verb)
    }

    pub(super) fn field(mut self, name: &str, value: &str) -> Self {
        self.0.update(format!("{name}={}:", value.len()).as_bytes());
        self.0.update(value.as_bytes());
        self.0.update(b"\n");
        self
    }

    pub(super) fn optional(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    pub(super) fn finish(self) -> RequestHash {
        RequestHash(self.0.finalize().into())
    }
}
