//! Counts what both sides did.

use serde::{Deserialize, Serialize};

use crate::autopilot::Sightings;
use crate::callers::{CallerMark, Callers};
use crate::fallback::{Evidence, Outcome};
use crate::routing::Side;

/// Requests sent to one side, and how many of them it failed.
///
/// On the wire only the two numbers, as earlier versions read and write them; the callers travel beside them ([`Report::callers_text`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All of them.
    pub requests: u32,
    /// Requests without an answer, or with an answer that shows a failure of the side.
    pub failures: u32,
    /// The callers of these requests.
    #[serde(skip)]
    pub(super) callers: Callers,
    /// The callers that saw the side fail.
    #[serde(skip)]
    pub(super) failed: Callers,
    /// Requests and failures without known callers: reports by isolates of an earlier version.
    #[serde(skip)]
    pub(super) unnamed: (u32, u32),
}

/// What both sides did within some time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The origin.
    pub v2: Tally,
    /// The legacy service.
    pub legacy: Tally,
    /// What callers saw of both, for the autopilot; travels in a line of its own.
    #[serde(skip)]
    pub sightings: Sightings,
}

impl Report {
    /// Counts one request of `caller` to `side`, unless its outcome says nothing about that side.
    pub fn count(&mut self, side: Side, outcome: Outcome, caller: CallerMark) {
        let tally = match side {
            Side::V2 => &mut self.v2,
            Side::Legacy => &mut self.legacy,
        };
        let Some(evidence) = outcome.of_side(side) else {
            return;
        };
        tally.requests = tally.requests.saturating_add(1);
        tally.callers.insert(caller);
        if evidence == Evidence::Failed {
            tally.failures = tally.failures.saturating_add(1);
            tally.failed.insert(caller);
        }
    }

    /// Adds `more` to this, without its sightings.
    pub fn add(&mut self, more: &Self) {
        self.v2.add(&more.v2);
        self.legacy.add(&more.legacy);
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The callers, as a line of text that goes beside the numbers: an earlier version ignores it.
    #[must_use]
    pub fn callers_text(&self) -> String {
        Callers::to_text(&[
            &self.v2.callers,
            &self.v2.failed,
            &self.legacy.callers,
            &self.legacy.failed,
        ])
    }

    /// The numbers of a report with the callers that came beside them. An earlier version sends no callers: each of its requests counts as
    /// a caller of its own, as it did in that version.
    #[must_use]
    pub fn with_callers(mut self, text: Option<&str>) -> Self {
        match text.and_then(Callers::from_text) {
            Some([v2, v2_failed, legacy, legacy_failed]) => {
                (self.v2.callers, self.v2.failed) = (v2, v2_failed);
                (self.legacy.callers, self.legacy.failed) = (legacy, legacy_failed);
            }
            None => {
                self.v2.unnamed = (self.v2.requests, self.v2.failures);
                self.legacy.unnamed = (self.legacy.requests, self.legacy.failures);
            }
        }
        self
    }
}

impl Tally {
    /// How many different callers there were, and how many of them saw the side fail.
    #[must_use]
    pub fn callers(&self) -> (u32, u32) {
        let (requests, failures) = self.unnamed;
        (
            self.callers.count().saturating_add(requests),
            self.failed.count().saturating_add(failures),
        )
    }

    pub(super) fn add(&mut self, more: &Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.failures = self.failures.saturating_add(more.failures);
        self.callers.merge(&more.callers);
        self.failed.merge(&more.failed);
        self.unnamed.0 = self.unnamed.0.saturating_add(more.unnamed.0);
        self.unnamed.1 = self.unnamed.1.saturating_add(more.unnamed.1);
    }
}

/// What both sides did, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// The origin.
    pub v2: SideFigures,
    /// The legacy service.
    pub legacy: SideFigures,
}

/// What one side did, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SideFigures {
    /// All requests.
    pub requests: u32,
    /// Requests that it failed.
    pub failures: u32,
    /// About how many different callers there were.
    pub callers: u32,
    /// About how many of them saw it fail.
    pub failed_callers: u32,
}

impl From<&Report> for Figures {
    fn from(report: &Report) -> Self {
        let side = |tally: &Tally| {
            let (callers, failed_callers) = tally.callers();
            SideFigures {
                requests: tally.requests,
                failures: tally.failures,
                callers,
                failed_callers,
            }
        };
        Self {
            v2: side(&report.v2),
            legacy: side(&report.legacy),
        }
    }
}
