//! Limits on calls, and how the answer states them.
//!
//! The headers are those of draft-ietf-httpapi-ratelimit-headers-10. A counter only says yes or no, so the edge knows the remaining quota
//! only when none is left; it always states the policy.

use shared::limits::Network;
use shared::problem::{ErrorCode, Problem};

use super::Journey;
use crate::address;
use crate::authenticate::Refusal;
use crate::body::{MAX_PEEKED_BYTES, UnverifiedBody};
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
    /// Limited calls count by the caller's network; calls of our own services do not count. A call without an address is not counted: such
    /// calls come from many callers.
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

    /// The fields of the body that the edge reads, once it has received the body.
    pub(super) fn peek(&self) -> UnverifiedBody {
        let bytes = self.upstreams.body(MAX_PEEKED_BYTES);
        UnverifiedBody::read(bytes.as_deref(), self.inbound)
    }

    /// Calls that name an account also count by the account, from any network. A stranger could fill that counter: once it is full, the
    /// edge refuses only networks that have themselves called too often about this account.
    pub(super) async fn limit_account(&mut self, body: &UnverifiedBody) -> Result<(), Refusal> {
        let Some(limit) = self.notes.limit.filter(|limit| limit.names_account()) else {
            return Ok(());
        };
        let counters = &self.gateway.config.counters;
        let kind = counters.key(limit.name(), &[]);
        let network: Option<Network> = address::network(self.inbound);
        for typed in body.accounts() {
            let account = counters.pair(&kind, &counters.account(typed));
            let pair = counters.pair(&account, &counters.network(network));
            if !self.is_within(ACCOUNT_BINDING, &account.to_hex()).await
                && !self.is_within(ACCOUNT_NETWORK_BINDING, &pair.to_hex()).await
            {
                return Err(refusal(limit, Some(ACCOUNT_SECONDS)));
            }
        }
        Ok(())
    }

    /// Counts a call. A counter that does not answer limits no call, and the edge notes it.
    async fn is_within(&mut self, binding: &str, key: &str) -> bool {
        let count = self.upstreams.count(binding, key).await;
        self.notes.limits_failed |= count == Count::Failed;
        count != Count::Over
    }

    /// States the limit on this call, and on a refusal that nothing is left of it.
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
            // The counter does not say when its period began; after a whole period it has begun again.
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
