//! Sessions that the legacy contract handed out, by the kind of token.

use std::sync::atomic::{AtomicU64, Ordering};

use shared::identity::TokenKind;

use super::{head, sample};

/// Sessions handed out so far. ID tokens among them mean that session cookies could not be made: their holders are signed out in an
/// hour.
#[derive(Debug, Default)]
pub struct LegacySessions {
    cookies: AtomicU64,
    id_tokens: AtomicU64,
}

impl LegacySessions {
    /// Counts one.
    pub fn note(&self, kind: TokenKind) {
        let counter = match kind {
            TokenKind::FirebaseSessionCookie => &self.cookies,
            TokenKind::Firebase | TokenKind::Legacy => &self.id_tokens,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn render(&self, text: &mut String) {
        let name = "legacy_contract_sessions_total";
        head(
            text,
            name,
            "counter",
            "Sessions that the legacy contract handed out, by the kind of token.",
        );
        for (kind, counter) in [
            (TokenKind::FirebaseSessionCookie, &self.cookies),
            (TokenKind::Firebase, &self.id_tokens),
        ] {
            let labels = format!("token_kind=\"{}\"", kind.as_str());
            sample(text, name, &labels, counter.load(Ordering::Relaxed));
        }
    }
}
