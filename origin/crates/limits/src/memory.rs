//! The debts for guesses, in this process. Bounded: the least recently used counter goes first.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use shared::limits::{Key, Pace};

/// About 100 bytes each.
const COUNTERS: NonZeroUsize = NonZeroUsize::new(300_000).unwrap();
/// Pairs of an account and its usual network, about 100 bytes each.
const USUAL: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// The counters.
#[derive(Debug)]
pub(super) struct Memory {
    /// When a debt is paid off, in milliseconds.
    paid_at: Mutex<LruCache<Key, u64>>,
    usual: Mutex<LruCache<Key, ()>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            paid_at: Mutex::new(LruCache::new(COUNTERS)),
            usual: Mutex::new(LruCache::new(USUAL)),
        }
    }
}

impl Memory {
    /// What each counter owes, in milliseconds.
    pub fn owed<const N: usize>(&self, prices: [(Key, Pace); N], now_ms: u64) -> [u64; N] {
        owed(&mut lock(&self.paid_at), prices, now_ms)
    }

    /// Charges each counter if `admits` allows it by their debts; answers the debts. It never charges first and refunds later: a counter
    /// has a top, above which a charge is lost, and a refund would then pay an older debt.
    pub fn charge<const N: usize>(
        &self,
        prices: [(Key, Pace); N],
        now_ms: u64,
        admits: impl FnOnce([u64; N]) -> bool,
    ) -> [u64; N] {
        let mut counters = lock(&self.paid_at);
        let before = owed(&mut counters, prices, now_ms);
        if admits(before) {
            for (key, pace) in prices {
                let paid_at = counters.get(&key).copied().unwrap_or(0);
                counters.put(key, pace.charge(paid_at, now_ms));
            }
        }
        before
    }

    /// Takes charges back.
    pub fn refund(&self, prices: &[(Key, Pace)], now_ms: u64) {
        let mut counters = lock(&self.paid_at);
        for (key, pace) in prices {
            let Some(paid_at) = counters.get(key).map(|paid_at| pace.refund(*paid_at)) else {
                continue;
            };
            if paid_at > now_ms {
                counters.put(*key, paid_at);
            } else {
                counters.pop(key);
            }
        }
    }

    /// Forgets what `key` owes.
    pub fn forgive(&self, key: &Key) {
        lock(&self.paid_at).pop(key);
    }

    /// Remembers the network of `pair` as a usual one of the account.
    pub fn note_usual(&self, pair: Key) {
        lock(&self.usual).put(pair, ());
    }

    pub fn is_usual(&self, pair: &Key) -> bool {
        lock(&self.usual).get(pair).is_some()
    }

    pub fn len(&self) -> usize {
        lock(&self.paid_at).len()
    }
}

fn owed<const N: usize>(
    counters: &mut LruCache<Key, u64>,
    prices: [(Key, Pace); N],
    now_ms: u64,
) -> [u64; N] {
    prices.map(|(key, _)| {
        let paid_at = counters.get(&key).copied().unwrap_or(0);
        paid_at.saturating_sub(now_ms)
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
