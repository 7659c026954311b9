//! The counters of calls and of attempts at a password. [`shared::limits`] has the rules.
//!
//! Every process counts in memory. With `REDIS_URL` the replicas also count together, and either count may refuse. While Redis is away or
//! slow, memory alone counts: Redis never causes an outage or a noticeable wait.

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

/// How many calls were refused.
#[derive(Debug, Default)]
struct Refused {
    guesses: AtomicU64,
    calls: AtomicU64,
}

impl Limits {
    /// The counters of `config`. Connects to nothing yet.
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

    /// Begins to connect to Redis, if it is configured; the service starts without waiting for it.
    pub fn connect(&self) {
        if let Some(replicas) = self.replicas() {
            replicas.reach();
        }
    }

    /// The key of the account that a client names by `typed`, an address or a username.
    #[must_use]
    pub fn account(&self, typed: &str) -> Key {
        self.0.names.account(typed)
    }

    /// The key of a user's own account.
    #[must_use]
    pub fn user(&self, user: UserId) -> Key {
        self.0.names.key("user", &[user.0.as_bytes()])
    }

    /// The key of the network of `address`. All calls without an address share one network.
    #[must_use]
    pub fn network(&self, address: Option<IpAddr>) -> Key {
        self.0.names.network(address.map(Network::of))
    }

    /// Counts a call of `key` under `limit`.
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

    /// The quota of `limit`, as a caller reads it.
    #[must_use]
    pub fn quota(&self, limit: Limit) -> shared::limits::Quota {
        self.0.config.quota(limit)
    }

    fn replicas(&self) -> Option<&Replicas> {
        self.0.counted.as_ref()?.replicas.as_ref()
    }

    /// Milliseconds on a monotonic clock.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The counts so far.
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

/// The counts so far, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Guesses that were answered with 429.
    pub refused_guesses: u64,
    /// Calls that were answered with 429.
    pub refused_calls: u64,
    /// The counters; `None` when nothing is counted.
    pub counters: Option<Counters>,
}

/// How many counters are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Counters of guesses, in memory.
    pub guesses: usize,
    /// Counters of calls, in memory.
    pub calls: usize,
    /// Calls without a free counter.
    pub uncounted: u64,
    /// The counters that replicas share; `None` when each replica counts for itself.
    pub replicas: Option<Shared>,
}

/// The counters that replicas share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// Whether Redis answers.
    pub is_there: bool,
    /// Counts that Redis did not accept in time.
    pub failures: u64,
}
