//! What to do with the keys held at `now`: use them, refresh them ahead of time, fetch first, or refuse.
//!
//! A state machine without clock, network or lock. Its owner asks [`KeyCache::decide`], fetches when told to, reports
//! [`KeyCache::fetched`] or [`KeyCache::failed`], and asks again. One instance per [`crate::token::Ring`].
//!
//! Its guarantees, for any order of calls:
//! - one fetch at a time, however many callers ask;
//! - no caller waits for a refresh while fresh keys are held;
//! - callers do not notice an outage of the issuer until the keys are [`STALE_SECONDS`] past their expiry;
//! - a bad answer never replaces good keys;
//! - strangers who make up `kid`s cause at most one fetch in [`UNKNOWN_KEY_SECONDS`].

mod freshness;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

pub use freshness::freshness;

use crate::time::UnixTime;

/// How long one fetch may take, in seconds, from connecting to the last byte.
pub const FETCH_TIMEOUT_SECONDS: i64 = 3;
/// How long keys may be used past their expiry while the issuer cannot be reached, in seconds.
pub const STALE_SECONDS: i64 = 24 * 3600;
/// At most one fetch in this many seconds is made because of a `kid` that is not held.
pub const UNKNOWN_KEY_SECONDS: i64 = 30;
/// How long after their expiry keys are still used while a refresh runs in the background, in seconds. Later, e.g. after a quiet night, the
/// first request waits for the refresh, so that a key withdrawn meanwhile does not count.
pub const GRACE_SECONDS: i64 = 60;
/// Keys are never treated as fresh for longer than this, in seconds, whatever the issuer says.
pub const MAX_FRESH_SECONDS: i64 = 24 * 3600;

/// After this time a fetch without a reported outcome is lost, in seconds: its owner is gone, and another caller may fetch.
const LOST_SECONDS: i64 = 2 * FETCH_TIMEOUT_SECONDS;
/// Failures are followed by pauses of 1, 2, 4, … seconds, at most this many.
const MAX_PAUSE_SECONDS: i64 = 30;
/// The least time between two background refreshes, in seconds: an issuer that says `max-age=0` is not asked on every request.
const MIN_REFRESH_SECONDS: i64 = 5;
/// How many refused `kid`s are remembered, and for how long, in seconds.
const MAX_REFUSED: usize = 256;
const REFUSED_SECONDS: i64 = 300;

/// What to do about a token that names a certain key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The key is held and fresh: use [`KeyCache::find`].
    Fresh,
    /// The same; and the caller starts a fetch for which nobody waits. The keys are past 80 % of their time.
    FreshButRefreshAhead,
    /// The key is held and past its time, and the issuer was unreachable a moment ago: use it.
    ServeStale,
    /// The same; and the caller starts a fetch for which nobody waits.
    ServeStaleAndRefresh,
    /// The caller fetches, reports the outcome and asks again.
    FetchFirst,
    /// Another caller is fetching: wait for the outcome and ask again.
    WaitForFetch,
    /// The issuer publishes no such key: refuse the token.
    UnknownRefused,
    /// Nobody can know now: answer that the fault is ours.
    Unavailable {
        /// Seconds until the next attempt.
        retry_after: u32,
    },
}

/// The keys of one ring, as engine keys of type `K`.
#[derive(Debug, Clone)]
pub struct KeyCache<K> {
    held: Option<Held<K>>,
    fetching_since: Option<UnixTime>,
    failures: u32,
    last_attempt: Option<UnixTime>,
    /// The `kid` for which the latest fetch because of an unknown `kid` was made, and when.
    asked_for: Option<(UnixTime, String)>,
    last_error: Option<String>,
    /// Kids that the issuer does not publish, as a fetch showed, oldest first.
    refused: VecDeque<(UnixTime, String)>,
}

#[derive(Debug, Clone)]
struct Held<K> {
    keys: BTreeMap<String, K>,
    fetched_at: UnixTime,
    fresh_for: i64,
}

/// The state for a health answer and for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How many keys are held.
    pub keys: usize,
    /// Seconds since they were fetched; `None` when none are held.
    pub age_seconds: Option<i64>,
    /// Seconds until they expire, negative afterwards.
    pub expires_in_seconds: Option<i64>,
    /// What went wrong with the latest fetch, if it did.
    pub last_error: Option<String>,
    /// Whether tokens can be verified now.
    pub usable: bool,
}

impl<K> Default for KeyCache<K> {
    fn default() -> Self {
        Self {
            held: None,
            fetching_since: None,
            failures: 0,
            last_attempt: None,
            asked_for: None,
            last_error: None,
            refused: VecDeque::new(),
        }
    }
}

impl<K> KeyCache<K> {
    /// A cache that holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decides about a token that names `kid`.
    ///
    /// [`Decision::FetchFirst`], [`Decision::FreshButRefreshAhead`] and [`Decision::ServeStaleAndRefresh`] give the caller the one fetch:
    /// until it reports [`Self::fetched`] or [`Self::failed`] (or 6 s pass) no other caller is told to fetch.
    pub fn decide(&mut self, kid: &str, now: UnixTime) -> Decision {
        let Some(held) = &self.held else {
            return self.fetch_or_wait(now);
        };
        let past_expiry = held.age(now).saturating_sub(held.fresh_for);
        let known = held.keys.contains_key(kid);
        if past_expiry >= STALE_SECONDS {
            return self.fetch_or_wait(now);
        }
        if !known {
            return self.unknown(kid, now);
        }
        if past_expiry < 0 {
            let ahead = held.refresh_ahead_at();
            return if held.age(now) >= ahead && self.claim_background(now) {
                Decision::FreshButRefreshAhead
            } else {
                Decision::Fresh
            };
        }
        if self.failures > 0 || past_expiry < GRACE_SECONDS {
            return if self.claim_background(now) {
                Decision::ServeStaleAndRefresh
            } else {
                Decision::ServeStale
            };
        }
        if self.is_fetching(now) {
            return Decision::WaitForFetch;
        }
        self.claim(now);
        Decision::FetchFirst
    }

    /// The key called `kid`, if held. Ask [`Self::decide`] first.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&K> {
        self.held.as_ref()?.keys.get(kid)
    }

    /// The issuer answered with `keys`, fresh for `fresh_for` seconds (see [`freshness`]). An answer without keys changes nothing
    /// but the error.
    pub fn fetched(&mut self, keys: BTreeMap<String, K>, fresh_for: i64, now: UnixTime) {
        if keys.is_empty() {
            self.failed("the answer holds no usable key", now);
            return;
        }
        self.refused.retain(|(_, kid)| !keys.contains_key(kid));
        self.held = Some(Held {
            keys,
            fetched_at: now,
            fresh_for: fresh_for.clamp(0, MAX_FRESH_SECONDS),
        });
        self.fetching_since = None;
        self.failures = 0;
        self.last_error = None;
    }

    /// The fetch failed, or its answer was no key set. Keys held so far stay. `error` is shown to operators: no secret in it.
    pub fn failed(&mut self, error: impl Into<String>, now: UnixTime) {
        self.fetching_since = None;
        self.failures = self.failures.saturating_add(1);
        self.last_attempt = Some(now);
        self.last_error = Some(error.into());
    }

    /// The state for a health answer.
    #[must_use]
    pub fn status(&self, now: UnixTime) -> Status {
        let held = self.held.as_ref();
        let expires_in = held.map(|held| held.fresh_for.saturating_sub(held.age(now)));
        Status {
            keys: held.map_or(0, |held| held.keys.len()),
            age_seconds: held.map(|held| held.age(now)),
            expires_in_seconds: expires_in,
            last_error: self.last_error.clone(),
            usable: expires_in.is_some_and(|seconds| seconds > -STALE_SECONDS),
        }
    }

    /// Whether a fetch is on its way.
    #[must_use]
    pub fn is_fetching(&self, now: UnixTime) -> bool {
        self.fetching_since
            .is_some_and(|since| within(since, now, LOST_SECONDS))
    }

    /// Nothing usable is held: fetch, wait for the caller that fetches, or wait until the pause after a failure is over.
    fn fetch_or_wait(&mut self, now: UnixTime) -> Decision {
        if self.is_fetching(now) {
            return Decision::WaitForFetch;
        }
        match self.pause_left(now) {
            0 => {
                self.claim(now);
                Decision::FetchFirst
            }
            seconds => Decision::Unavailable {
                retry_after: u32::try_from(seconds).unwrap_or(1),
            },
        }
    }

    /// Good keys are held, and `kid` is not among them: it is a new key, or made up.
    fn unknown(&mut self, kid: &str, now: UnixTime) -> Decision {
        if self.is_fetching(now) {
            return Decision::WaitForFetch;
        }
        let asked = self
            .asked_for
            .as_ref()
            .filter(|(at, _)| within(*at, now, UNKNOWN_KEY_SECONDS));
        let answered = asked.is_some_and(|(_, asked)| asked == kid);
        let remembered = self
            .refused
            .iter()
            .any(|(at, refused)| refused == kid && within(*at, now, REFUSED_SECONDS));
        if asked.is_none() && !remembered && self.pause_left(now) == 0 {
            self.asked_for = Some((now, kid.to_owned()));
            self.claim(now);
            return Decision::FetchFirst;
        }
        if self.failures > 0 {
            // The latest fetch failed, so nobody can say that the issuer does not know this key.
            let seconds = self.pause_left(now).max(1);
            return Decision::Unavailable {
                retry_after: u32::try_from(seconds).unwrap_or(1),
            };
        }
        // Only a kid for which the issuer was asked is remembered: another one of the same half minute may be genuine.
        if answered && !remembered {
            self.refused.retain(|(_, refused)| refused != kid);
            if self.refused.len() >= MAX_REFUSED {
                self.refused.pop_front();
            }
            self.refused.push_back((now, kid.to_owned()));
        }
        Decision::UnknownRefused
    }

    fn claim(&mut self, now: UnixTime) {
        self.fetching_since = Some(now);
        self.last_attempt = Some(now);
    }

    fn claim_background(&mut self, now: UnixTime) -> bool {
        let too_soon = self
            .last_attempt
            .is_some_and(|last| within(last, now, MIN_REFRESH_SECONDS));
        if too_soon || self.is_fetching(now) || self.pause_left(now) > 0 {
            return false;
        }
        self.claim(now);
        true
    }

    /// Seconds left of the pause after the issuer's latest failures.
    fn pause_left(&self, now: UnixTime) -> i64 {
        let (Some(last), true) = (self.last_attempt, self.failures > 0) else {
            return 0;
        };
        let pause = 1_i64
            .checked_shl(self.failures.saturating_sub(1))
            .unwrap_or(MAX_PAUSE_SECONDS);
        let pause = if pause > 0 {
            pause.min(MAX_PAUSE_SECONDS)
        } else {
            MAX_PAUSE_SECONDS
        };
        pause.saturating_sub(now.since(last)).clamp(0, pause)
    }
}

/// Whether `then` is less than `seconds` ago. A clock that stepped back does not count: no caller may wait until the clock catches up.
fn within(then: UnixTime, now: UnixTime, seconds: i64) -> bool {
    (0..seconds).contains(&now.since(then))
}

impl<K> Held<K> {
    /// Seconds since these keys were fetched; after the clock stepped back, none.
    fn age(&self, now: UnixTime) -> i64 {
        now.since(self.fetched_at).max(0)
    }

    /// 80 % of the time they are fresh.
    fn refresh_ahead_at(&self) -> i64 {
        self.fresh_for.saturating_sub(self.fresh_for.div_euclid(5))
    }
}
