//! Whether v2 has begun to fail: the sequential test of `guardrail.rs`, started afresh for as long as all is well.
//!
//! Bet against is the claim that at most a quarter of [`Rule`]'s share of callers fails. While nothing is won the stake is refilled, so good answers of an
//! hour ago do not hide a fault (an e-detector: Shin, Ramdas and Rinaldo, "E-detectors", 2023). While the claim holds, [`CALLERS_BETWEEN_ALARMS`] callers
//! pass between two false alarms on average. The clock plays no part: five callers who fail within two seconds are as good as five within an hour.

use super::figures::Tally;
use super::rule::{FAILING_CALLERS, Rule};
use crate::guardrail::{Bet, Count};

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
}

impl Default for Detector {
    fn default() -> Self {
        Self {
            bet: Bet::even(ALTERNATIVES),
            seen: Tally::default(),
        }
    }
}

impl Detector {
    /// Takes what callers saw of v2. Returns whether it has begun to fail; the next alarm needs new evidence.
    pub fn is_alarmed_by(&mut self, tally: &Tally, rule: &Rule) -> bool {
        let before = self.seen.callers();
        self.seen.add(tally);
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
            *self = Self::default();
            return true;
        }
        if self.bet.refill() || now.0 > MOST_CALLERS {
            *self = Self::default();
        }
        false
    }
}
