//! Whether v2 has begun to fail: the sequential test of `guardrail.rs`, which starts again as long as all is well.
//!
//! The test bets against the claim that at most a quarter of [`Rule`]'s share of callers fails. While nothing is won the stake is refilled,
//! so good answers of an hour ago do not hide a fault (an e-detector: Shin, Ramdas and Rinaldo, "E-detectors", 2023). While the claim
//! holds, [`CALLERS_BETWEEN_ALARMS`] callers pass between two false alarms on average. The clock plays no part: five callers who fail
//! within two seconds count the same as five within an hour.

use super::figures::Tally;
use super::rule::{FAILING_CALLERS, Rule};
use crate::guardrail::{Bet, Count};
use crate::time::UnixTime;

/// Reports of all isolates within this many seconds are judged together: one isolate that cannot reach v2 must not stand for all.
const TOGETHER: i64 = 2;

/// The average number of callers between two false alarms while v2 is as bad as the claim allows.
const CALLERS_BETWEEN_ALARMS: f64 = 10_000.0;
/// The number of alternatives to the claim on which the test bets.
const ALTERNATIVES: usize = 3;
/// Sets of callers are exact enough up to this number; then they begin again.
const MOST_CALLERS: u32 = 3_000;

/// The evidence since all was last well. Each caller counts as at most one good answer and one failure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Detector {
    bet: Bet,
    seen: Tally,
    /// The reports since the bet was last placed, and when that was.
    reported: Tally,
    placed_at: Option<UnixTime>,
}

impl Default for Detector {
    fn default() -> Self {
        Self {
            bet: Bet::even(ALTERNATIVES),
            seen: Tally::default(),
            reported: Tally::default(),
            placed_at: None,
        }
    }
}

impl Detector {
    /// Takes what callers saw of v2. Returns the figures that show the beginning of a failure; the next alarm needs new evidence.
    pub fn alarm(&mut self, tally: &Tally, rule: &Rule, now: UnixTime) -> Option<Tally> {
        self.reported.add(tally);
        let is_early = |at: UnixTime| (0..TOGETHER).contains(&now.since(at));
        if self.placed_at.is_some_and(is_early) {
            return None;
        }
        self.placed_at = Some(now);
        let reported = std::mem::take(&mut self.reported);
        let seen = self.bet_on(&reported, rule)?;
        *self = Self {
            placed_at: self.placed_at,
            ..Self::default()
        };
        Some(seen)
    }

    fn bet_on(&mut self, reported: &Tally, rule: &Rule) -> Option<Tally> {
        let before = self.seen.callers();
        self.seen.add(reported);
        let now = self.seen.callers();
        let failed = now.1.saturating_sub(before.1);
        let count = Count {
            requests: now.0.saturating_sub(before.0).max(failed),
            events: failed,
        };
        let share = rule.error_share();
        let claimed = share / 4.0;
        self.bet.place([share, f64::midpoint(share, 1.0), 1.0], |other| {
            count.evidence(claimed, other)
        });
        if self.bet.wealth() >= CALLERS_BETWEEN_ALARMS && now.1 >= FAILING_CALLERS {
            return Some(self.seen.clone());
        }
        if self.bet.refill() || now.0 > MOST_CALLERS {
            self.bet = Bet::even(ALTERNATIVES);
            self.seen = Tally::default();
        }
        None
    }
}
