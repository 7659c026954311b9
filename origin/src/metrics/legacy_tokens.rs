//! Whether tokens of the legacy service are still in use: what says when they may be turned off.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use shared::identity::{Identity, TokenKind};
use shared::time::UnixTime;

use super::{head, sample};

/// What this process has seen of legacy tokens. It forgets at a restart; the monitoring that reads it does not.
#[derive(Debug, Default)]
pub struct LegacyTokens {
    verified: AtomicU64,
    last_seen: AtomicI64,
    latest_expiry: AtomicI64,
}

impl LegacyTokens {
    /// Counts `identity` if a legacy token proved it at `now`.
    pub fn note(&self, identity: &Identity, now: UnixTime) {
        if identity.kind == TokenKind::Legacy {
            self.verified.fetch_add(1, Ordering::Relaxed);
            self.last_seen.fetch_max(now.secs(), Ordering::Relaxed);
            self.latest_expiry
                .fetch_max(identity.expires_at.secs(), Ordering::Relaxed);
        }
    }

    pub(super) fn render(&self, text: &mut String) {
        let name = "legacy_tokens_verified_total";
        head(
            text,
            name,
            "counter",
            "Requests proven by a token of the legacy service.",
        );
        sample(text, name, "", self.verified.load(Ordering::Relaxed));
        let name = "legacy_token_last_seen_seconds";
        head(
            text,
            name,
            "gauge",
            "When the last one was seen, in Unix time; 0 for never.",
        );
        sample(text, name, "", self.last_seen.load(Ordering::Relaxed));
        let name = "legacy_token_latest_expiry_seconds";
        head(
            text,
            name,
            "gauge",
            "When the last of those seen expires, in Unix time; 0 for none.",
        );
        sample(text, name, "", self.latest_expiry.load(Ordering::Relaxed));
    }
}
