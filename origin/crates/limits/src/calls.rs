//! Calls counted in memory, by `governor`.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota as Rate, RateLimiter};
use shared::limits::{Key, Limit, Quota};

use super::SlowDown;

/// The most counters of one limit, some 100 bytes each.
const MAX_KEYS: usize = 100_000;

type Limiter = RateLimiter<Key, HashMapStateStore<Key>, DefaultClock>;

/// The counters of all limits.
#[derive(Debug)]
pub(super) struct Calls {
    limiters: Vec<(Limit, Limiter)>,
    clock: DefaultClock,
    uncounted: AtomicU64,
}

impl Calls {
    pub fn new(quota: impl Fn(Limit) -> Quota) -> Self {
        Self {
            limiters: Limit::ALL
                .iter()
                .filter_map(|limit| Some((*limit, RateLimiter::hashmap(rate(quota(*limit))?))))
                .collect(),
            clock: DefaultClock::default(),
            uncounted: AtomicU64::new(0),
        }
    }

    /// Counts a call by `key`.
    pub fn count(&self, limit: Limit, key: Key) -> Result<(), SlowDown> {
        let Some((_, limiter)) = self.limiters.iter().find(|(known, _)| *known == limit) else {
            return Ok(());
        };
        if limiter.len() >= MAX_KEYS {
            limiter.retain_recent();
            // As many networks within one period: a refusal would hit a client that did nothing wrong.
            if limiter.len() >= MAX_KEYS {
                self.uncounted.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
        }
        limiter.check_key(&key).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            SlowDown {
                retry_after: whole_seconds(wait),
            }
        })
    }

    pub fn len(&self) -> usize {
        self.limiters.iter().map(|(_, limiter)| limiter.len()).sum()
    }

    pub fn uncounted(&self) -> u64 {
        self.uncounted.load(Ordering::Relaxed)
    }
}

fn rate(quota: Quota) -> Option<Rate> {
    let pace = quota.pace();
    let rate = Rate::with_period(Duration::from_millis(pace.interval_ms))?;
    Some(rate.allow_burst(NonZeroU32::new(pace.burst)?))
}

fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000))
        .unwrap_or(u32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use shared::assertion::AssertionKeys;
    use shared::limits::KeyMaker;

    use super::*;

    #[test]
    fn each_key_has_its_own_quota() {
        let names = KeyMaker::new(
            &AssertionKeys::parse(&format!("k1:{}", shared::base64url::encode(&[7; 32]))).unwrap(),
        );
        let calls = Calls::new(|_| Quota {
            calls: 2,
            seconds: 600,
        });
        let (ann, ben) = (names.account("ann"), names.account("ben"));
        assert_eq!(calls.count(Limit::Login, ann), Ok(()));
        assert_eq!(calls.count(Limit::Login, ann), Ok(()));
        let SlowDown { retry_after } = calls.count(Limit::Login, ann).unwrap_err();
        assert!((290..=300).contains(&retry_after), "{retry_after}");
        assert_eq!(calls.count(Limit::Login, ben), Ok(()));
        assert_eq!(calls.count(Limit::Register, ann), Ok(()));
        assert_eq!(calls.len(), 3);
    }
}
