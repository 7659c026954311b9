//! What both sides did, counted.

use serde::{Deserialize, Serialize};

use crate::fallback::Outcome;
use crate::routing::Side;

/// Requests sent to one side, and how many of them it failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All of them.
    pub requests: u32,
    /// Those without an answer, or with one that says that the side failed.
    pub failures: u32,
}

/// What both sides did within some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The origin.
    pub v2: Tally,
    /// The legacy service.
    pub legacy: Tally,
}

impl Report {
    /// Counts one request to `side`.
    ///
    /// A plain 500 counts against v2, where it is a fault of ours. The legacy service answers a sign-in without a stored
    /// password so, which says nothing about its health.
    pub fn count(&mut self, side: Side, outcome: Outcome) {
        let (tally, failed) = match side {
            Side::V2 => (&mut self.v2, outcome.is_fault()),
            Side::Legacy => (
                &mut self.legacy,
                outcome.is_down() || outcome == Outcome::BreakerOpen,
            ),
        };
        tally.requests = tally.requests.saturating_add(1);
        tally.failures = tally.failures.saturating_add(u32::from(failed));
    }

    /// Adds `more` to this.
    pub fn add(&mut self, more: Self) {
        self.v2.add(more.v2);
        self.legacy.add(more.legacy);
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Tally {
    fn add(&mut self, more: Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.failures = self.failures.saturating_add(more.failures);
    }
}
