//! Faults on demand, and how often each method was called.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::control::{Change, Quota};
use super::refusal::{Failure, Refusal};
use super::rules::{Blocking, Policy, Throttle};
use super::shape::Shape;

/// Settings and counts.
#[derive(Debug)]
pub(super) struct Faults {
    latency: Duration,
    down: bool,
    hang: bool,
    fail: HashMap<String, Failure>,
    lose: HashMap<String, u32>,
    quota: HashMap<String, Window>,
    owner: bool,
    pub email_privacy: bool,
    pub email_conflict_first: bool,
    pub access_token_seconds: i64,
    pub id_token_seconds: i64,
    pub oob_code_seconds: i64,
    pub pending_age: i64,
    pub tenant: Option<String>,
    pub policy: Policy,
    pub blocking: Blocking,
    pub throttle: Throttle,
    calls: BTreeMap<String, u64>,
}

/// A quota, and how much of it the current window has used.
#[derive(Debug)]
struct Window {
    quota: Quota,
    began: Instant,
    used: u32,
}

/// What happens to one call.
pub(super) enum Fate {
    Down,
    Hang,
    Refuse(Duration, Refusal),
    Answer(Duration),
    /// Carried out, and the answer lost.
    Lose(Duration),
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            down: false,
            hang: false,
            fail: HashMap::new(),
            lose: HashMap::new(),
            quota: HashMap::new(),
            owner: false,
            email_privacy: true,
            email_conflict_first: false,
            access_token_seconds: 3_600,
            id_token_seconds: 3_600,
            oob_code_seconds: 3_600,
            pending_age: 0,
            tenant: None,
            policy: Policy::default(),
            blocking: Blocking::Allows,
            throttle: Throttle::default(),
            calls: BTreeMap::new(),
        }
    }
}

impl Faults {
    pub(super) fn change(&mut self, change: Change) {
        self.latency = change.latency_ms.map_or(self.latency, Duration::from_millis);
        self.down = change.down.unwrap_or(self.down);
        self.hang = change.hang.unwrap_or(self.hang);
        self.owner = change.owner.unwrap_or(self.owner);
        self.email_privacy = change.email_privacy.unwrap_or(self.email_privacy);
        self.email_conflict_first = change.email_conflict_first.unwrap_or(self.email_conflict_first);
        self.access_token_seconds = change.access_token_seconds.unwrap_or(self.access_token_seconds);
        self.id_token_seconds = change.id_token_seconds.unwrap_or(self.id_token_seconds);
        self.oob_code_seconds = change.oob_code_seconds.unwrap_or(self.oob_code_seconds);
        self.pending_age = change.pending_age.unwrap_or(self.pending_age);
        self.tenant = change.tenant.or_else(|| self.tenant.take());
        self.policy = change.policy.unwrap_or(self.policy);
        self.blocking = change.blocking.unwrap_or_else(|| self.blocking.clone());
        self.throttle = change.throttle.unwrap_or(self.throttle);
        for (method, failure) in change.fail {
            match failure {
                Some(failure) => drop(self.fail.insert(method, failure)),
                None => drop(self.fail.remove(&method)),
            }
        }
        self.lose.extend(change.lose);
        for (method, quota) in change.quota {
            match quota {
                Some(quota) => drop(self.quota.insert(method, Window::of(quota))),
                None => drop(self.quota.remove(&method)),
            }
        }
        if change.forget_calls {
            self.calls.clear();
        }
    }

    pub(super) fn owner(&self) -> bool {
        self.owner
    }

    pub(super) fn calls(&self, method: &str) -> u64 {
        self.calls.get(method).copied().unwrap_or_default()
    }

    pub(super) fn shown(&self) -> Value {
        json!({
            "calls": self.calls,
            "latency_ms": self.latency.as_millis(),
            "down": self.down,
            "hang": self.hang,
            "fail": self.fail,
            "lose": self.lose,
            "quota": self.quota.iter().map(|(method, window)| (method, window.quota)).collect::<HashMap<_, _>>(),
            "owner": self.owner,
            "email_privacy": self.email_privacy,
            "email_conflict_first": self.email_conflict_first,
            "access_token_seconds": self.access_token_seconds,
            "id_token_seconds": self.id_token_seconds,
            "oob_code_seconds": self.oob_code_seconds,
            "pending_age": self.pending_age,
            "policy": self.policy,
            "blocking": self.blocking,
            "throttle": self.throttle,
        })
    }

    /// What happens to a call of `method` with the body `said`.
    pub(super) fn fate(&mut self, method: &str, said: &str, now: Instant) -> Fate {
        let count = self.calls.entry(method.to_owned()).or_default();
        *count = count.saturating_add(1);
        if self.hang {
            return Fate::Hang;
        }
        if self.down {
            return Fate::Down;
        }
        if self
            .quota
            .get_mut(method)
            .is_some_and(|window| !window.has_room(now))
        {
            let refusal =
                Refusal::new(429, format!("QUOTA_EXCEEDED : Exceeded quota for {method}.")).shaped(Shape::V2);
            return Fate::Refuse(self.latency, refusal);
        }
        let concerned = |failure: &Failure| {
            failure
                .only
                .as_deref()
                .is_none_or(|only| said.to_lowercase().contains(&only.to_lowercase()))
        };
        if let Some(failure) = self.fail.get_mut(method).filter(|failure| concerned(failure)) {
            let refusal = Refusal::of(failure);
            if let Some(times) = &mut failure.times {
                *times = times.saturating_sub(1);
                if *times == 0 {
                    self.fail.remove(method);
                }
            }
            return Fate::Refuse(self.latency, refusal);
        }
        match self.lose.get_mut(method) {
            Some(times) if *times > 0 => {
                *times = times.saturating_sub(1);
                Fate::Lose(self.latency)
            }
            _ => Fate::Answer(self.latency),
        }
    }
}

impl Window {
    fn of(quota: Quota) -> Self {
        Self {
            quota,
            began: Instant::now(),
            used: 0,
        }
    }

    /// Counts a call against the quota, if there is room.
    fn has_room(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.began) >= Duration::from_millis(self.quota.per_ms) {
            self.began = now;
            self.used = 0;
        }
        let room = self.used < self.quota.calls;
        self.used = self.used.saturating_add(u32::from(room));
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_full_until_its_time_is_over() {
        let mut window = Window::of(Quota {
            calls: 2,
            per_ms: 1_000,
        });
        let began = window.began;
        let at = |ms| began + Duration::from_millis(ms);
        assert!(window.has_room(at(0)) && window.has_room(at(1)));
        assert!(!window.has_room(at(999)));
        assert!(window.has_room(at(1_000)));
    }
}
