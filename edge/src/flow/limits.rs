//! Limits on calls, and what the answer says about them.
//!
//! The headers are those of draft-ietf-httpapi-ratelimit-headers-10. A counter only says yes or no, so the remaining quota is
//! known when there is none left; the policy is always said.

use shared::limits::Network;
use shared::problem::{ErrorCode, Problem};

use super::Journey;
use crate::address;
use crate::authenticate::Refusal;
use crate::body::UnverifiedBody;
use crate::changes::HeaderChanges;
use crate::paths::{ACCOUNT_BINDING, ACCOUNT_NETWORK_BINDING, Limit, limit_of};
use crate::ports::{Count, KeySource, SignatureEngine, Upstreams};

/// The period of the two counters of an account, in seconds.
const ACCOUNT_SECONDS: u32 = 60;

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    /// Calls that are limited count by the caller's network; our own services' do not. Without an address there is nothing to count by:
    /// all such callers together are not one.
    pub(super) async fn limit(&mut self, path: &str) -> Result<(), Refusal> {
        let (Some(limit), None) = (limit_of(self.inbound.method, path), self.service) else {
            return Ok(());
        };
        self.notes.limit = Some(limit);
        let Some(network) = address::network(self.inbound) else {
            self.notes.limits_failed = true;
            return Ok(());
        };
        let name = self.gateway.config.counters.network(Some(network));
        if self.is_within(limit.binding(), &name.to_hex()).await {
            return Ok(());
        }
        let quota = self.gateway.config.quotas.of(limit);
        Err(refusal(limit, quota.map(|quota| quota.seconds)))
    }

    /// Calls that name an account count by it as well, from wherever they come. A stranger could fill that counter: once it is full,
    /// only networks are refused that have called about this very account too often themselves.
    pub(super) async fn limit_account(&mut self, body: &UnverifiedBody) -> Result<(), Refusal> {
        let limit = self.notes.limit.filter(|limit| limit.names_account());
        let (Some(limit), Some(account)) = (limit, body.account()) else {
            return Ok(());
        };
        let counters = &self.gateway.config.counters;
        let account = counters.pair(&counters.key(limit.name(), &[]), &counters.account(&account));
        let network: Option<Network> = address::network(self.inbound);
        let pair = counters.pair(&account, &counters.network(network));
        if self.is_within(ACCOUNT_BINDING, &account.to_hex()).await
            || self.is_within(ACCOUNT_NETWORK_BINDING, &pair.to_hex()).await
        {
            return Ok(());
        }
        Err(refusal(limit, Some(ACCOUNT_SECONDS)))
    }

    /// Counts a call. A counter that cannot be asked limits nobody, which is noted.
    async fn is_within(&mut self, binding: &str, key: &str) -> bool {
        let count = self.upstreams.count(binding, key).await;
        self.notes.limits_failed |= count == Count::Failed;
        count != Count::Over
    }

    /// Says what the limit on this call is, and on a refusal that nothing is left of it.
    pub(super) fn announce_limit(&self, headers: &mut HeaderChanges) {
        let quota = |limit| Some((limit, self.gateway.config.quotas.of(limit)?));
        let Some((limit, quota)) = self.notes.limit.and_then(quota) else {
            return;
        };
        let name = limit.name();
        headers.set(
            "ratelimit-policy",
            &format!("\"{name}\";q={};w={}", quota.calls, quota.seconds),
        );
        if self.notes.reason == limit.as_str() {
            // The counter does not say when its period began; after a whole one it has begun anew.
            headers.set("ratelimit", &format!("\"{name}\";r=0;t={}", quota.seconds));
        }
    }
}

fn refusal(limit: Limit, seconds: Option<u32>) -> Refusal {
    let mut problem = Problem::new(ErrorCode::RateLimited);
    if let Some(seconds) = seconds {
        problem = problem.retry_after(seconds);
    }
    Refusal::new(problem, limit.as_str())
}
