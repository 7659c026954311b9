//! Counts legacy tokens in use: operators turn them off once there are none.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use shared::identity::{Identity, TokenKind};
use shared::time::UnixTime;

/// The legacy tokens that this process has seen. It forgets them at a restart; the monitoring that reads it does not.
#[derive(Debug, Default)]
pub struct LegacyTokens {
    verified: Counter,
    last_seen: Gauge,
    latest_expiry: Gauge,
}

impl LegacyTokens {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let tokens = Self::default();
        registry.register(
            "legacy_tokens_verified",
            "Requests proven by a token of the legacy service",
            tokens.verified.clone(),
        );
        registry.register(
            "legacy_token_last_seen_seconds",
            "When the last one was seen, in Unix time; 0 for never",
            tokens.last_seen.clone(),
        );
        registry.register(
            "legacy_token_latest_expiry_seconds",
            "When the last of those seen expires, in Unix time; 0 for none",
            tokens.latest_expiry.clone(),
        );
        tokens
    }

    /// Counts `identity` if a legacy token proved it at `now`.
    pub fn note(&self, identity: &Identity, now: UnixTime) {
        if identity.kind == TokenKind::Legacy {
            self.verified.inc();
            let later =
                |gauge: &Gauge, time: UnixTime| gauge.inner().fetch_max(time.secs(), Ordering::Relaxed);
            later(&self.last_seen, now);
            later(&self.latest_expiry, identity.expires_at);
        }
    }
}
