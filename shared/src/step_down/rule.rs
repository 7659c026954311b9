//! How much failure is too much (`ROLLBACK_*`).

use super::figures::{Report, Tally};
use crate::config::{self, Faults, Lookup, Reader};
use crate::rollout::Percentage;

/// So many different callers at least must have seen a side fail.
pub const FAILING_CALLERS: u32 = 5;

/// When to step down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    error_rate: Percentage,
    min_requests: u32,
    window_seconds: i64,
}

impl Default for Rule {
    /// Half of at least 20 requests within 10 seconds.
    fn default() -> Self {
        Self {
            error_rate: Percentage::from_basis_points(5_000).unwrap_or(Percentage::EVERYBODY),
            min_requests: 20,
            window_seconds: 10,
        }
    }
}

impl Rule {
    /// How far back is looked, in seconds.
    #[must_use]
    pub const fn window_seconds(&self) -> i64 {
        self.window_seconds
    }

    /// Whether v2 fails too often, on enough requests to say so, and the legacy service does not. Nothing known against the
    /// legacy service counts as well.
    #[must_use]
    pub fn is_broken_by(&self, figures: &Report) -> bool {
        figures.v2.requests >= self.min_requests
            && self.is_failing(&figures.v2)
            && !self.is_failing(&figures.legacy)
    }

    /// Whether the share of callers who saw the side fail has reached the limit, and there are [`FAILING_CALLERS`] of them. Callers and
    /// not requests: how many requests one caller makes, and what is in them, is that caller's choice.
    #[must_use]
    pub fn is_failing(&self, tally: &Tally) -> bool {
        let (callers, failed) = tally.callers();
        let whole = u64::from(Percentage::EVERYBODY.basis_points());
        let limit = u64::from(self.error_rate.basis_points());
        // Both products are below 2^46.
        failed >= FAILING_CALLERS
            && u64::from(failed).saturating_mul(whole) >= u64::from(callers).saturating_mul(limit)
    }
}

/// Reads `ROLLBACK_ERROR_RATE` (percent, more than 0), `ROLLBACK_MIN_REQUESTS` (1 to 100,000) and `ROLLBACK_WINDOW_SECONDS` (5 to 600).
///
/// # Errors
/// Every bad variable.
pub fn read_rule(lookup: &dyn Lookup) -> Result<Rule, Faults> {
    let mut reader = Reader::new(lookup);
    let usual = Rule::default();
    let rule = Rule {
        error_rate: reader.or("ROLLBACK_ERROR_RATE", usual.error_rate, error_rate),
        min_requests: reader.or("ROLLBACK_MIN_REQUESTS", usual.min_requests, min_requests),
        window_seconds: reader.or("ROLLBACK_WINDOW_SECONDS", usual.window_seconds, |text| {
            config::whole_number(text, 5..=600)
        }),
    };
    reader.finish(Some(rule))
}

fn error_rate(text: &str) -> Result<Percentage, &'static str> {
    Percentage::parse(text)
        .ok()
        .filter(|rate| *rate > Percentage::NOBODY)
        .ok_or("is not a percentage from 0.01 to 100")
}

fn min_requests(text: &str) -> Result<u32, String> {
    config::whole_number(text, 1..=100_000)
        .and_then(|number| u32::try_from(number).map_err(|_| "is out of range".to_owned()))
}
