//! The guardrails of a rollout, step by step, and the intervals that they are fed with.

use serde::{Deserialize, Serialize};

use super::evidence::Reading;
use super::name::Name;
use super::plan::Plan;
use super::seen::Seen;
use super::sightings::{Sighting, Sightings, Subject};
use super::trials::{Ended, Trials};
use crate::guardrail::{Count, Guardrail, Margins, Verdict};
use crate::routing::Side;
use crate::time::UnixTime;

/// An interval lasts as long as this at least, in seconds.
const SHORTEST: i64 = 10;
/// And as long as this at most: both sides are compared within it.
const LONGEST: i64 = 3_600;
/// In between it ends when both sides had sign-ins, and so many together.
const SIGN_INS: u32 = 20;
/// So many sign-ins at the legacy service are enough within an interval,
const ENOUGH: u32 = 200;
/// or so many for each one at v2, where that is more.
const ENOUGH_FOR_EACH: u32 = 20;
/// An interval counts when so many seconds have passed since its end without an outage: what v2 fails while it is down is the step-down's business.
const SETTLES: i64 = 12;
/// A caller counts once in so many seconds, or more often where tens of thousands do.
const RENEWED: i64 = 86_400;
/// So many different callers at least must have seen what sends everybody back.
pub const CALLERS: u32 = 3;

impl Name {
    /// Each may go on wrongly with the probability `error`; all of them together roll back wrongly with it, half of that for failures.
    fn margins(self, error: f64) -> Margins {
        let shared = 0.1 * error;
        match self {
            Self::Failures => Margins::failures(error).rolling_back(0.5 * error),
            Self::WrongPasswords => Margins::wrong_passwords(error).rolling_back(shared),
            Self::Slow => Margins::slow(error).rolling_back(shared),
            Self::ShadowDifferences => Margins::shadow_differences(error).rolling_back(shared),
            Self::SignInsWithoutCall => Margins::without_call(error).rolling_back(shared),
            Self::SessionsEnded => Margins::sessions_in_use(error).rolling_back(shared),
        }
    }

    /// Whether it is read where shadow reads are made or not, and sessions are followed or not.
    const fn is_read(self, watches: Watches) -> bool {
        match self {
            Self::ShadowDifferences => watches.shadow,
            Self::SignInsWithoutCall | Self::SessionsEnded => watches.sessions,
            Self::Failures | Self::WrongPasswords | Self::Slow => true,
        }
    }
}

/// What is watched beside sign-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watches {
    pub shadow: bool,
    pub sessions: bool,
}

/// A guardrail, and how many callers saw its event at v2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Watched {
    name: Name,
    guardrail: Guardrail,
    /// Counted once for the whole rollout, by the hash alone.
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

/// The step of a rollout that it is in. What of sign-ins has not counted yet is lost with a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Step {
    watched: Vec<Watched>,
    counted: [Seen; 3],
    counted_since: UnixTime,
    #[serde(default)]
    trials: Trials,
    #[serde(skip)]
    open: Interval,
    #[serde(skip)]
    settling: Option<(UnixTime, Interval)>,
}

impl Step {
    /// The first step, without evidence.
    pub fn new(plan: &Plan, now: UnixTime) -> Self {
        let watched = Name::ALL.map(|name| Watched {
            name,
            guardrail: Guardrail::of_rollout(name.margins(plan.error()), plan.steps()),
            callers: Seen::default(),
            seen_by: 0,
        });
        Self {
            watched: watched.into(),
            counted: Default::default(),
            counted_since: now,
            trials: Trials::default(),
            open: Interval::default(),
            settling: None,
        }
    }

    /// Whether its guardrails are those of `plan`, by the margins of this version.
    pub fn is_of(&self, plan: &Plan) -> bool {
        let of_plan = Self::new(plan, self.counted_since);
        self.watched.len() == of_plan.watched.len()
            && std::iter::zip(&self.watched, &of_plan.watched)
                .all(|(one, other)| one.name == other.name && one.guardrail.is_like(&other.guardrail))
    }

    /// Begins the step after it.
    pub fn next(&mut self, now: UnixTime) {
        for watched in &mut self.watched {
            watched.guardrail.next_step();
        }
        self.counted = Default::default();
        self.counted_since = now;
        self.trials = Trials::default();
        self.open = Interval::default();
        self.settling = None;
    }

    /// Takes what an isolate saw.
    pub fn observe(&mut self, plan: &Plan, sightings: &Sightings, now: UnixTime) {
        if !(0..RENEWED).contains(&now.since(self.counted_since)) {
            self.counted = Default::default();
            self.trials.forget_callers();
            self.counted_since = now;
        }
        for counted in &mut self.counted {
            // Each caller counts once more: they are one in 32,768 at most, and a large site does not run out of them.
            if counted.is_crowded() {
                *counted = Seen::default();
            }
        }
        if let Some(follows) = plan.follows() {
            self.trials.observe(&sightings.sessions, follows, now);
            self.feed_sessions(now);
        }
        for sighting in sightings.iter() {
            let (index, count) = match sighting.subject {
                Subject::SignIn(Side::V2) => (0, &mut self.open.v2),
                Subject::SignIn(Side::Legacy) if self.open.has_enough_of_legacy() => continue,
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
        self.trials.set_aside();
    }

    /// What became of sessions counts when both sides have some, and enough together.
    fn feed_sessions(&mut self, now: UnixTime) {
        for watched in &mut self.watched {
            let ended = match watched.name {
                Name::SignInsWithoutCall => &mut self.trials.without_call,
                Name::SessionsEnded => &mut self.trials.in_use,
                _ => continue,
            };
            if !ended.compares(now) {
                continue;
            }
            let Ended { v2, legacy, .. } = std::mem::take(ended);
            let unhappy = if watched.name == Name::SessionsEnded {
                watched.guardrail.observe(legacy, v2);
                v2.requests.saturating_sub(v2.events)
            } else {
                watched.guardrail.observe(v2, legacy);
                v2.events
            };
            // Each is another caller's, within a day.
            watched.seen_by = watched.seen_by.saturating_add(unhappy);
        }
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
            if matches!(watched.name, Name::SignInsWithoutCall | Name::SessionsEnded) {
                continue;
            }
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

    /// What each guardrail says, of those that are watched.
    pub fn readings(&self, watches: Watches) -> Vec<Reading> {
        let watched = self.watched.iter();
        watched
            .filter(|watched| watched.name.is_read(watches))
            .map(|watched| {
                let mut reading = Reading::of(watched.name, &watched.guardrail);
                if reading.verdict == Verdict::RollBack && watched.seen_by < CALLERS {
                    reading.verdict = Verdict::Inconclusive;
                }
                reading
            })
            .collect()
    }
}

impl Name {
    /// Which side the sighting counts for (0: v2, 1: legacy), and whether the event happened.
    fn reads(self, sighting: Sighting) -> Option<(usize, bool)> {
        let side = match (self, sighting.subject) {
            (Self::ShadowDifferences, Subject::ShadowRead) => return Some((0, sighting.failed)),
            (_, Subject::ShadowRead) => return None,
            (_, Subject::SignIn(Side::V2)) => 0,
            (_, Subject::SignIn(Side::Legacy)) => 1,
        };
        let happened = match self {
            Self::Failures => sighting.failed,
            Self::WrongPasswords => sighting.wrong_password,
            Self::Slow => sighting.slow,
            Self::ShadowDifferences | Self::SignInsWithoutCall | Self::SessionsEnded => return None,
        };
        Some((side, happened))
    }
}

impl Interval {
    /// Whether more of the legacy service's would not make the comparison any surer: v2's few decide.
    const fn has_enough_of_legacy(&self) -> bool {
        self.legacy >= ENOUGH && self.legacy >= self.v2.saturating_mul(ENOUGH_FOR_EACH)
    }

    fn compares(&self) -> bool {
        let both = self.v2 > 0 && self.legacy > 0;
        both && self.v2.saturating_add(self.legacy) >= SIGN_INS
    }
}

impl Ended {
    fn compares(&self, now: UnixTime) -> bool {
        let both = self.v2.requests > 0 && self.legacy.requests > 0;
        let is_long_ago = self
            .since
            .is_some_and(|since| !(0..LONGEST).contains(&now.since(since)));
        is_long_ago || both && self.v2.requests.saturating_add(self.legacy.requests) >= SIGN_INS
    }
}
