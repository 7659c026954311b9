//! When v2 fails while the legacy service does not, and all sign-ins go back to legacy; and when they return.
//!
//! A state machine without a clock. One Durable Object for all isolates owns it: isolates report what they saw, and the object tells them
//! whether to step down. A breaker looks at one service from one isolate and lasts seconds. The step-down looks at both sides from all
//! isolates, and ends only after v2 has been well for a while.

mod detector;
mod figures;
mod rule;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::time::UnixTime;
use detector::Detector;
pub use figures::{Figures, Report, SideFigures, Tally};
pub use rule::{FAILING_CALLERS, Rule, read_rule};

/// The shortest time that sign-ins stay sent back, in seconds. Doubles with each relapse up to [`MAX_HOLD_SECONDS`].
pub const MIN_HOLD_SECONDS: i64 = 10;
/// The longest time after which sign-ins try v2 again, in seconds.
pub const MAX_HOLD_SECONDS: i64 = 1_800;
/// Failing again within this many seconds of a recovery is a relapse.
pub const RELAPSE_SECONDS: i64 = 3_600;
/// How often the object asks v2 whether it is ready while sign-ins are sent back, in seconds.
pub const PROBE_SECONDS: i64 = 5;
/// At least this many good answers in a row come before sign-ins return.
pub const GOOD_PROBES: u32 = 2;

/// Whether sign-ins are sent back, and the figures behind it.
///
/// Storage holds only whether sign-ins are sent back and since when: figures older than the window mean nothing after a restart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StepDown {
    down: Option<Down>,
    /// Trips, each within [`RELAPSE_SECONDS`] of the recovery before.
    relapses: u32,
    recovered_at: Option<UnixTime>,
    #[serde(skip)]
    reports: VecDeque<(UnixTime, Report)>,
    #[serde(skip)]
    detector: Detector,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Down {
    since: UnixTime,
    hold_seconds: i64,
    #[serde(skip)]
    good_probes: u32,
}

/// What happened, with its figures, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Change {
    /// From now on sign-ins go to the legacy service.
    SteppedDown {
        /// What v2 did since it was last well, and what the legacy service did within the window.
        #[serde(flatten)]
        figures: Figures,
        /// How long sign-ins stay there at least, in seconds.
        hold_seconds: i64,
    },
    /// From now on sign-ins go where the rollout says.
    Recovered {
        /// What both sides did within the window.
        #[serde(flatten)]
        figures: Figures,
        /// How long they had been sent back, in seconds.
        down_seconds: i64,
    },
}

impl StepDown {
    /// Whether sign-ins are sent back.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Whether the legacy service fails, by what was reported within the window.
    #[must_use]
    pub fn is_legacy_failing(&self, rule: &Rule) -> bool {
        rule.is_failing(&self.figures().legacy)
    }

    /// Takes what an isolate saw since its last report.
    pub fn report(&mut self, report: Report, rule: &Rule, now: UnixTime) -> Option<Change> {
        self.forget_old(rule, now);
        let alarm = self.detector.alarm(&report.v2, rule, now);
        match self.reports.back_mut() {
            Some((at, same_second)) if *at == now => same_second.add(&report),
            _ => self.reports.push_back((now, report)),
        }
        let mut figures = self.figures();
        // Sign-ins cannot go back to a side that fails as well.
        if self.is_down() || rule.is_failing(&figures.legacy) {
            return None;
        }
        figures.v2 = alarm?;
        let hold_seconds = self.hold(rule, now);
        self.down = Some(Down {
            since: now,
            hold_seconds,
            good_probes: 0,
        });
        Some(Change::SteppedDown {
            figures: Figures::from(&figures),
            hold_seconds,
        })
    }

    /// Takes v2's answer to "are you ready?".
    ///
    /// Sign-ins return after [`GOOD_PROBES`] good answers once the hold is over, provided that the requests which v2 still gets (tokens,
    /// the new contract) do not fail. They return at once when the legacy service fails: it cannot serve them then either.
    pub fn probed(&mut self, good: bool, rule: &Rule, now: UnixTime) -> Option<Change> {
        self.forget_old(rule, now);
        let figures = self.figures();
        let down = self.down.as_mut()?;
        down.good_probes = if good {
            down.good_probes.saturating_add(1)
        } else {
            0
        };
        let down_seconds = now.since(down.since);
        // A clock that stepped back must not keep users away from v2.
        let held = !(0..down.hold_seconds).contains(&down_seconds);
        let no_refuge = rule.is_failing(&figures.legacy);
        let still_fails = rule.is_failing(&figures.v2) && !no_refuge;
        if down.good_probes < GOOD_PROBES || still_fails || !(held || no_refuge) {
            return None;
        }
        self.down = None;
        self.recovered_at = Some(now);
        self.reports.clear();
        self.detector = Detector::default();
        Some(Change::Recovered {
            figures: Figures::from(&figures),
            down_seconds,
        })
    }

    fn hold(&mut self, rule: &Rule, now: UnixTime) -> i64 {
        let is_relapse = self
            .recovered_at
            .is_some_and(|at| now.since(at) < RELAPSE_SECONDS);
        self.relapses = if is_relapse {
            self.relapses.saturating_add(1)
        } else {
            0
        };
        let first = rule.window_seconds().max(MIN_HOLD_SECONDS);
        let factor = 2_i64.saturating_pow(self.relapses.min(16));
        first.saturating_mul(factor).min(MAX_HOLD_SECONDS)
    }

    fn forget_old(&mut self, rule: &Rule, now: UnixTime) {
        let is_recent = |at: UnixTime| (0..rule.window_seconds()).contains(&now.since(at));
        self.reports.retain(|(at, _)| is_recent(*at));
    }

    fn figures(&self) -> Report {
        let mut sum = Report::default();
        for (_, report) in &self.reports {
            sum.add(report);
        }
        sum
    }
}

#[cfg(test)]
mod tests;
