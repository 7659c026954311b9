//! One step of the rollout: its guardrails, and the intervals that they are fed with.

use serde::{Deserialize, Serialize};

use super::evidence::Reading;
use super::seen::Seen;
use super::sightings::{Sighting, Sightings, Subject};
use crate::guardrail::{Count, Guardrail, Margins, Verdict};
use crate::routing::Side;
use crate::time::UnixTime;

/// An interval lasts as long as this at least, in seconds.
const SHORTEST: i64 = 10;
/// And as long as this at most: both sides are compared within it.
const LONGEST: i64 = 3_600;
/// In between it ends when both sides had sign-ins, and so many together.
const SIGN_INS: u32 = 20;
/// An interval counts when so many seconds have passed since its end without an outage: what v2 fails while it is down is the step-down's business.
const SETTLES: i64 = 12;
/// A caller counts once in so many seconds.
const RENEWED: i64 = 86_400;
/// So many different callers at least must have seen what sends everybody back.
pub const CALLERS: u32 = 3;

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// Sign-ins that failed.
    Failures,
    /// Sign-ins refused for their password.
    WrongPasswords,
    /// Sign-ins that took long.
    Slow,
    /// Shadow reads that v2 answered otherwise.
    ShadowDifferences,
}

impl Name {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Failures,
        Self::WrongPasswords,
        Self::Slow,
        Self::ShadowDifferences,
    ];

    /// The name in evidence records and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::WrongPasswords => "wrong_passwords",
            Self::Slow => "slow",
            Self::ShadowDifferences => "shadow_differences",
        }
    }

    const fn margins(self, error: f64) -> Margins {
        match self {
            Self::Failures => Margins::failures(error),
            Self::WrongPasswords => Margins::wrong_passwords(error),
            Self::Slow => Margins::slow(error),
            Self::ShadowDifferences => Margins::shadow_differences(error),
        }
    }
}

/// A guardrail, and how many callers saw its event at v2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Watched {
    name: Name,
    guardrail: Guardrail,
    /// Counted once for the whole step, by the hash alone.
    callers: Seen,
    seen_by: u32,
}

/// What happened within an interval.
#[derive(Debug, Clone, Default, PartialEq)]
struct Interval {
    began: Option<UnixTime>,
    v2: u32,
    legacy: u32,
    shadow_reads: u32,
    sightings: Vec<Sighting>,
}

/// One step. What has not counted yet is lost with a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Step {
    watched: Vec<Watched>,
    counted: [Seen; 3],
    counted_since: UnixTime,
    #[serde(skip)]
    open: Interval,
    #[serde(skip)]
    settling: Option<(UnixTime, Interval)>,
}

impl Step {
    /// A step without evidence, in which each guardrail may err with the probability `error`.
    pub fn new(error: f64, now: UnixTime) -> Self {
        let watched = Name::ALL.map(|name| Watched {
            name,
            guardrail: Guardrail::new(name.margins(error)),
            callers: Seen::default(),
            seen_by: 0,
        });
        Self {
            watched: watched.into(),
            counted: Default::default(),
            counted_since: now,
            open: Interval::default(),
            settling: None,
        }
    }

    /// Takes what an isolate saw.
    pub fn observe(&mut self, sightings: &Sightings, now: UnixTime) {
        if !(0..RENEWED).contains(&now.since(self.counted_since)) {
            self.counted = Default::default();
            self.counted_since = now;
        }
        for sighting in sightings.iter() {
            let (index, count) = match sighting.subject {
                Subject::SignIn(Side::V2) => (0, &mut self.open.v2),
                Subject::SignIn(Side::Legacy) => (1, &mut self.open.legacy),
                Subject::ShadowRead => (2, &mut self.open.shadow_reads),
            };
            let is_new = self
                .counted
                .get_mut(index)
                .is_some_and(|counted| counted.is_new(sighting.caller));
            if is_new {
                *count = count.saturating_add(1);
                self.open.sightings.push(sighting);
                self.open.began.get_or_insert(now);
            }
        }
        self.settle(now);
    }

    /// Forgets what has not counted yet: a side is down.
    pub fn set_aside(&mut self) {
        self.open = Interval::default();
        self.settling = None;
    }

    fn settle(&mut self, now: UnixTime) {
        // A clock that stepped back ends an interval, too.
        let past = |since: UnixTime, seconds: i64| !(0..seconds).contains(&now.since(since));
        if let Some((_, interval)) = self.settling.take_if(|(ended, _)| past(*ended, SETTLES)) {
            self.feed(&interval);
        }
        let is_over = self
            .open
            .began
            .is_some_and(|began| past(began, LONGEST) || past(began, SHORTEST) && self.open.compares());
        if is_over && self.settling.is_none() {
            self.settling = Some((now, std::mem::take(&mut self.open)));
        }
    }

    fn feed(&mut self, interval: &Interval) {
        for watched in &mut self.watched {
            let mut events = [0_u32; 2];
            for sighting in &interval.sightings {
                let Some((side, happened)) = watched.name.reads(*sighting) else {
                    continue;
                };
                if happened && let Some(events) = events.get_mut(side) {
                    *events = events.saturating_add(1);
                }
                if happened && side == 0 && watched.callers.is_new(sighting.caller) {
                    watched.seen_by = watched.seen_by.saturating_add(1);
                }
            }
            let requests = match watched.name {
                // The legacy service never differs from itself.
                Name::ShadowDifferences => [interval.shadow_reads; 2],
                _ => [interval.v2, interval.legacy],
            };
            let [v2, legacy] = [(requests[0], events[0]), (requests[1], events[1])]
                .map(|(requests, events)| Count { requests, events });
            watched.guardrail.observe(v2, legacy);
        }
    }

    /// What each guardrail says; shadow reads only where they are made.
    pub fn readings(&self, shadow: bool) -> Vec<Reading> {
        let watched = self.watched.iter();
        watched
            .filter(|watched| shadow || watched.name != Name::ShadowDifferences)
            .map(|watched| {
                let verdict = match watched.guardrail.verdict() {
                    Verdict::RollBack if watched.seen_by < CALLERS => Verdict::Inconclusive,
                    verdict => verdict,
                };
                Reading::of(watched.name, &watched.guardrail, verdict)
            })
            .collect()
    }
}

impl Name {
    /// Which side the sighting counts for (0: v2, 1: legacy), and whether the event happened.
    fn reads(self, sighting: Sighting) -> Option<(usize, bool)> {
        let side = match (self, sighting.subject) {
            (Self::ShadowDifferences, Subject::ShadowRead) => return Some((0, sighting.failed)),
            (Self::ShadowDifferences, _) | (_, Subject::ShadowRead) => return None,
            (_, Subject::SignIn(Side::V2)) => 0,
            (_, Subject::SignIn(Side::Legacy)) => 1,
        };
        let happened = match self {
            Self::Failures | Self::ShadowDifferences => sighting.failed,
            Self::WrongPasswords => sighting.wrong_password,
            Self::Slow => sighting.slow,
        };
        Some((side, happened))
    }
}

impl Interval {
    fn compares(&self) -> bool {
        let both = self.v2 > 0 && self.legacy > 0;
        both && self.v2.saturating_add(self.legacy) >= SIGN_INS
    }
}
