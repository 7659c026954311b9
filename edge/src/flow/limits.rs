//! Limits on public calls, and what the answer says about them.
//!
//! The headers are those of draft-ietf-httpapi-ratelimit-headers-10. The counter only says yes or no, so the remaining quota is
//! known when there is none left; the policy is always said.

use shared::problem::{ErrorCode, Problem};

use super::{Journey, Notes};
use crate::authenticate::Refusal;
use crate::changes::HeaderChanges;
use crate::config::Quotas;
use crate::paths;
use crate::ports::{KeySource, SignatureEngine, Upstreams};
use crate::scrub;

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    /// Public calls are limited by the caller's address; our own services are not.
    pub(super) async fn limit(&mut self, path: &str) -> Result<(), Refusal> {
        let (Some(limit), None) = (paths::limit_of(path), self.service) else {
            return Ok(());
        };
        self.notes.limit = Some(limit);
        let address = self.inbound.header(scrub::CLIENT_IP).unwrap_or_default();
        if self.upstreams.is_within(limit, address).await {
            return Ok(());
        }
        let mut problem = Problem::new(ErrorCode::RateLimited);
        if let Some(quota) = self.gateway.config.quotas.of(limit) {
            problem = problem.retry_after(quota.seconds);
        }
        Err(Refusal::new(problem, limit.as_str()))
    }
}

/// Says what the limit on this call is, and on a refusal that nothing is left of it.
pub(super) fn announce(headers: &mut HeaderChanges, notes: &Notes, quotas: &Quotas) {
    let announced = notes.limit.and_then(|limit| Some((limit, quotas.of(limit)?)));
    let Some((limit, quota)) = announced else { return };
    let name = limit.name();
    headers.set(
        "ratelimit-policy",
        &format!("\"{name}\";q={};w={}", quota.calls, quota.seconds),
    );
    if notes.reason == limit.as_str() {
        // The counter does not say when its period began; after a whole one it has begun anew.
        headers.set("ratelimit", &format!("\"{name}\";r=0;t={}", quota.seconds));
    }
}
