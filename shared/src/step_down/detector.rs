//! Whether v2 has begun to fail: the sequential test of `guardrail.rs`, started afresh for as long as all is well.
//!
//! Bet against is the claim that at most a quarter of [`Rule`]'s share of callers fails. While nothing is won the stake is refilled, so good answers of an
//! hour ago do not hide a fault (an e-detector: Shin, Ramdas and Rinaldo, "E-detectors", 2023). While the claim holds, [`CALLERS_BETWEEN_ALARMS`] callers
//! pass between two false alarms on average. The clock plays no part: five callers who fail within two seconds are as good as five within an hour.

use super::figures::Tally;
use super::rule::{FAILING_CALLERS, Rule};
use crate::guardrail::{Bet, Count};
use crate::time::UnixTime;

/// What isolates report within so many seconds is looked at together: one of them that cannot reach v2 is not all of them.
const TOGETHER: i64 = 2;

/// On average so many callers pass between two false alarms while v2 is as bad as is still claimed.
const CALLERS_BETWEEN_ALARMS: f64 = 10_000.0;
/// How many alternatives to the claim are bet on.
const ALTERNATIVES: usize = 3;
/// Sets of callers are exact enough up to here; then they begin again.
const MOST_CALLERS: u32 = 3_000;

/// The evidence since all was last well. Each caller is one good answer and one failure in it at most.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Detector {
    bet: Bet,
    seen: Tally,
    /// What has been reported since the bet was last placed, and when that was.
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
    /// Takes what callers saw of v2. Returns what shows that it has begun to fail; the next alarm needs new evidence.
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
