//! Who may call how often, and who may try a password. The rules are [`shared::limits`]; here are the counters.
//!
//! Every process counts in memory. With `REDIS_URL` the replicas count together as well, and either count may say no. Where Redis is
//! away or slow the memory alone counts: never an outage, and never a wait worth mentioning.

mod attempt;
mod calls;
mod config;
mod factor;
mod memory;
mod replicas;
mod slow_down;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use shared::assertion::AssertionKeys;
use shared::ids::UserId;
use shared::limits::{Key, KeyMaker, Limit, Network};

pub use attempt::{Attempt, Ending, Whose};
use calls::Calls;
pub use config::{LimitsConfig, RedisUrl};
use memory::Memory;
use replicas::Replicas;
pub use replicas::round_trip;
pub use slow_down::SlowDown;

/// All counters. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Limits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    names: KeyMaker,
    config: LimitsConfig,
    /// `None` when nothing is counted.
    counted: Option<Counted>,
    began: Instant,
    refused: Refused,
}

#[derive(Debug)]
struct Counted {
    calls: Calls,
    memory: Memory,
    replicas: Option<Replicas>,
}

/// How many were told to slow down.
#[derive(Debug, Default)]
struct Refused {
    guesses: AtomicU64,
    calls: AtomicU64,
}

impl Limits {
    /// The counters of `config`. Nothing is connected yet.
    #[must_use]
    pub fn new(config: &LimitsConfig, keys: &AssertionKeys) -> Self {
        let counted = config.quotas.is_some().then(|| Counted {
            calls: Calls::new(|limit| config.quota(limit)),
            memory: Memory::default(),
            replicas: config.redis.as_ref().and_then(Replicas::new),
        });
        Self(Arc::new(Inner {
            names: KeyMaker::new(keys),
            config: config.clone(),
            counted,
            began: Instant::now(),
            refused: Refused::default(),
        }))
    }

    /// Begins to reach for Redis, where there is one; serving does not wait for it.
    pub fn connect(&self) {
        if let Some(replicas) = self.replicas() {
            replicas.reach();
        }
    }

    /// The name of the account that somebody names by `typed`, an address or a username.
    #[must_use]
    pub fn account(&self, typed: &str) -> Key {
        self.0.names.account(typed)
    }

    /// The name of a user's own account.
    #[must_use]
    pub fn user(&self, user: UserId) -> Key {
        self.0.names.key("user", &[user.0.as_bytes()])
    }

    /// The name of the network that `address` is in. No address is a network of its own.
    #[must_use]
    pub fn network(&self, address: Option<IpAddr>) -> Key {
        self.0.names.network(address.map(Network::of))
    }

    /// Counts a call under `limit` by whomever `key` names.
    ///
    /// # Errors
    /// [`SlowDown`].
    pub async fn call(&self, limit: Limit, key: &Key) -> Result<(), SlowDown> {
        let Some(counted) = &self.0.counted else {
            return Ok(());
        };
        let key = self.0.names.pair(&self.0.names.key(limit.name(), &[]), key);
        let mut outcome = counted.calls.count(limit, key);
        if let (Ok(()), Some(replicas)) = (outcome, &counted.replicas) {
            outcome = replicas.call(key, self.0.config.quota(limit).pace()).await;
        }
        if outcome.is_err() {
            self.0.refused.calls.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    /// How calls are counted now: `off`, `memory`, `shared`, or `memory, redis away`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (&self.0.counted, self.replicas()) {
            (None, _) => "off",
            (Some(_), None) => "memory",
            (Some(_), Some(replicas)) if replicas.is_there() => "shared",
            (Some(_), Some(_)) => "memory, redis away",
        }
    }

    /// What is said of the limits to a caller: how `limit` is configured.
    #[must_use]
    pub fn quota(&self, limit: Limit) -> shared::limits::Quota {
        self.0.config.quota(limit)
    }

    fn replicas(&self) -> Option<&Replicas> {
        self.0.counted.as_ref()?.replicas.as_ref()
    }

    /// Milliseconds on a clock that is never set.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What has been counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let refused = &self.0.refused;
        Counts {
            refused_guesses: refused.guesses.load(Ordering::Relaxed),
            refused_calls: refused.calls.load(Ordering::Relaxed),
            counters: self.0.counted.as_ref().map(|counted| Counters {
                guesses: counted.memory.len(),
                calls: counted.calls.len(),
                uncounted: counted.calls.uncounted(),
                replicas: counted.replicas.as_ref().map(|replicas| Shared {
                    is_there: replicas.is_there(),
                    failures: replicas.failures(),
                }),
            }),
        }
    }
}

/// What has been counted so far, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Guesses that were answered with 429.
    pub refused_guesses: u64,
    /// Calls that were answered with 429.
    pub refused_calls: u64,
    /// The counters; `None` when nothing is counted.
    pub counters: Option<Counters>,
}

/// How many counters there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Of guesses, in memory.
    pub guesses: usize,
    /// Of calls, in memory.
    pub calls: usize,
    /// Calls that no counter was left for.
    pub uncounted: u64,
    /// Those that replicas share; `None` when each counts for itself.
    pub replicas: Option<Shared>,
}

/// The counters that replicas share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// Whether Redis answers.
    pub is_there: bool,
    /// Counts that Redis did not take in time.
    pub failures: u64,
}
