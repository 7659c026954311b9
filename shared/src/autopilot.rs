//! A rollout that steers itself: it goes to the next step when every guardrail allows it, sends sign-ins back when one forbids it, and
//! waits otherwise, whatever the clock says.
//!
//! Pure: the object that hears all isolates says the time, what holds, and what they saw. It rolls back by itself once; then an operator has to
//! say go. An outage is not a regression: while sign-ins are stepped down, or the legacy service fails, nothing counts, nor does what was seen
//! some seconds before. Sign-ins that were sent back twice within one step, while v2 called itself ready, are a regression all the same.

mod evidence;
mod kept;
mod name;
mod plan;
mod seen;
mod sessions;
mod sightings;
mod step;
mod trials;

use serde::{Deserialize, Serialize};

use crate::guardrail::Verdict;
use crate::rollout::Percentage;
use crate::time::UnixTime;
pub use evidence::{Outcome, RECORDS, Reading, Record, Shown};
pub use kept::{Kept, read_records};
pub use name::Name;
pub use plan::{Follows, Plan};
pub use sessions::{MOST_SESSIONS, Session, Sessions, UserMark};
pub use sightings::{MOST, Sighting, Sightings, Subject};
pub use step::CALLERS;
use step::{Step, Watches};

/// The author of the overrides that it writes.
pub const AUTHOR: &str = "autopilot";
/// It renews its override when that expires within so many seconds.
const RENEWED_BEFORE: i64 = 7 * 86_400;
/// So often may sign-ins be sent back within a step while v2 calls itself ready.
const TOLERATED: u32 = 1;

/// How things stand when it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    /// The percentage that holds.
    pub percent: Percentage,
    /// Why nothing may be decided, if anything forbids it: a kill switch, variables that cannot be read, an operator who says hold.
    pub held: Option<&'static str>,
    /// Whether sign-ins are sent back, or the legacy service fails.
    pub outage: bool,
    /// Whether shadow reads are made.
    pub shadow: bool,
    /// The version of the last override in which an operator said go, 0 for never.
    pub go: u64,
    /// Whether v2 says that it is ready, as far as is known.
    pub ready: bool,
    /// When its own override expires, if one is in force.
    pub expires_at: Option<UnixTime>,
}

/// What it wants done.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The percentage that is to hold.
    pub percent: Percentage,
    /// What is recorded once it holds.
    pub record: Record,
}

/// What the autopilot knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Autopilot {
    /// In basis points.
    percent: u16,
    since: UnixTime,
    step: Step,
    /// The version of the override by which it sent sign-ins back. A later go of an operator's undoes it.
    rolled_back: Option<u64>,
    outage: Option<Outage>,
    /// How often sign-ins were sent back within this step while v2 called itself ready.
    unexplained: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Outage {
    asked: u32,
    not_ready: u32,
}

impl Autopilot {
    /// At the beginning of a step.
    #[must_use]
    pub fn new(plan: &Plan, percent: Percentage, now: UnixTime) -> Self {
        Self {
            percent: percent.basis_points(),
            since: now,
            step: Step::new(plan, now),
            rolled_back: None,
            outage: None,
            unexplained: 0,
        }
    }

    /// Takes what an isolate saw.
    pub fn observe(&mut self, plan: &Plan, sightings: &Sightings, now: UnixTime) {
        if self.rolled_back.is_none() && self.outage.is_none() {
            self.step.observe(plan, sightings, now);
        }
    }

    /// Takes v2's answer to "are you ready?", given while sign-ins are sent back.
    pub const fn probed(&mut self, ready: bool) {
        if let Some(outage) = &mut self.outage {
            outage.asked = outage.asked.saturating_add(1);
            if !ready {
                outage.not_ready = outage.not_ready.saturating_add(1);
            }
        }
    }

    /// Whether it waits for an operator's go.
    #[must_use]
    pub const fn waits_for_go(&self) -> bool {
        self.rolled_back.is_some()
    }

    /// Whether nobody is moved yet.
    #[must_use]
    pub const fn is_before_the_first_step(&self) -> bool {
        self.percent == 0
    }

    /// What each guardrail says in this step.
    #[must_use]
    pub fn readings(&self, plan: &Plan, shadow: bool) -> Vec<Reading> {
        let sessions = plan.follows().is_some();
        self.step.readings(Watches { shadow, sessions })
    }

    /// How it stands, with the `records` of what it decided, newest first.
    #[must_use]
    pub fn shown(&self, plan: &Plan, situation: &Situation, records: Vec<Record>) -> Shown {
        Shown {
            percent: situation.percent.to_string(),
            next: plan.after(situation.percent).map(|next| next.to_string()),
            since: self.since,
            waits_for_go: self.waits_for_go(),
            held: situation.held.map(str::to_owned),
            outage: situation.outage,
            readings: self.readings(plan, situation.shadow),
            evidence: records,
        }
    }

    /// What is to be done now, if anything. It is done once [`Self::applied`] says so.
    pub fn decide(&mut self, plan: &Plan, situation: &Situation, now: UnixTime) -> Option<Decision> {
        if self.rolled_back.is_some_and(|version| situation.go > version) {
            *self = Self::new(plan, situation.percent, now);
        }
        if situation.percent.basis_points() != self.percent {
            // An operator moved users: this is another step, and its evidence begins here.
            self.begin(plan, situation.percent, now);
        }
        if situation.held.is_some() {
            self.step.set_aside();
            return None;
        }
        if self.rolled_back.is_some() {
            return self.renewal(plan, situation, now);
        }
        self.follow_outage(situation.outage);
        if self.unexplained > TOLERATED {
            let rule = "v2 failed twice within the step while it called itself ready";
            let decided = (Outcome::RollBack, Percentage::NOBODY, rule);
            return self.decision(plan, decided, situation, now);
        }
        if self.outage.is_some() {
            return None;
        }
        let readings = self.readings(plan, situation.shadow);
        if readings
            .iter()
            .any(|reading| reading.verdict == Verdict::RollBack)
            && situation.percent > Percentage::NOBODY
        {
            let rule = "a guardrail gives up the claim that v2 is tolerable";
            let decided = (Outcome::RollBack, Percentage::NOBODY, rule);
            return self.decision(plan, decided, situation, now);
        }
        let (may, rule) = if situation.percent == Percentage::NOBODY {
            let differs = readings
                .iter()
                .any(|reading| reading.verdict == Verdict::RollBack);
            (situation.ready && !differs, "v2 is ready")
        } else {
            let all = readings.iter().all(|reading| reading.verdict == Verdict::Promote);
            (all, "every guardrail gives up the claim that v2 is harmful")
        };
        let next = plan.after(situation.percent).filter(|_| may);
        match next {
            Some(next) => self.decision(plan, (Outcome::Promote, next, rule), situation, now),
            None => self.renewal(plan, situation, now),
        }
    }

    /// The decision holds, as the override `version`.
    pub fn applied(&mut self, plan: &Plan, decision: &Decision, version: u64, now: UnixTime) -> Record {
        match decision.record.outcome {
            Outcome::Renew => {}
            Outcome::Promote => self.go_on(decision.percent, now),
            Outcome::RollBack => {
                self.begin(plan, decision.percent, now);
                self.rolled_back = Some(version);
            }
        }
        Record {
            version,
            ..decision.record.clone()
        }
    }

    /// Begins the next step: evidence against "tolerable" is kept, since that is one claim for the whole rollout.
    fn go_on(&mut self, percent: Percentage, now: UnixTime) {
        self.percent = percent.basis_points();
        self.since = now;
        self.step.next(now);
        self.unexplained = 0;
    }

    /// Begins a rollout.
    fn begin(&mut self, plan: &Plan, percent: Percentage, now: UnixTime) {
        *self = Self {
            rolled_back: self.rolled_back,
            outage: self.outage,
            ..Self::new(plan, percent, now)
        };
    }

    fn follow_outage(&mut self, outage: bool) {
        match (self.outage, outage) {
            (None, true) => {
                self.outage = Some(Outage::default());
                self.step.set_aside();
            }
            (Some(over), false) => {
                self.outage = None;
                self.step.set_aside();
                if over.asked > 0 && over.not_ready == 0 {
                    self.unexplained = self.unexplained.saturating_add(1);
                }
            }
            _ => {}
        }
    }

    fn renewal(&self, plan: &Plan, situation: &Situation, now: UnixTime) -> Option<Decision> {
        let expires_at = situation.expires_at?;
        if expires_at.since(now) >= RENEWED_BEFORE {
            return None;
        }
        let rule = "the override expires within a week";
        self.decision(plan, (Outcome::Renew, situation.percent, rule), situation, now)
    }

    fn decision(
        &self,
        plan: &Plan,
        (outcome, percent, rule): (Outcome, Percentage, &str),
        situation: &Situation,
        now: UnixTime,
    ) -> Option<Decision> {
        let record = Record {
            outcome,
            at: now,
            from: situation.percent.to_string(),
            to: percent.to_string(),
            rule: rule.to_owned(),
            step_seconds: now.since(self.since),
            readings: self.readings(plan, situation.shadow),
            version: 0,
        };
        Some(Decision { percent, record })
    }
}

#[cfg(test)]
mod tests;
