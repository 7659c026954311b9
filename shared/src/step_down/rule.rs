//! How much failure is too much (`ROLLBACK_*`).

use super::figures::Tally;
use crate::config::{self, Faults, Lookup, Reader};
use crate::rollout::Percentage;

/// At least this many different callers must have seen a side fail.
pub const FAILING_CALLERS: u32 = 5;

/// When to step down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    error_rate: Percentage,
    window_seconds: i64,
}

impl Default for Rule {
    /// Half of the callers, within 10 seconds where a window applies.
    fn default() -> Self {
        Self {
            error_rate: Percentage::from_basis_points(5_000).unwrap_or(Percentage::EVERYBODY),
            window_seconds: 10,
        }
    }
}

impl Rule {
    /// The length of the window, in seconds.
    #[must_use]
    pub const fn window_seconds(&self) -> i64 {
        self.window_seconds
    }

    /// The share of callers that is too much, 0 to 1.
    pub(super) fn error_share(&self) -> f64 {
        f64::from(self.error_rate.basis_points()) / f64::from(Percentage::EVERYBODY.basis_points())
    }

    /// Whether the share of callers who saw the side fail has reached the limit, and there are [`FAILING_CALLERS`] of them. It counts
    /// callers and not requests: a caller alone chooses how many requests it makes and what is in them.
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

/// Reads `ROLLBACK_ERROR_RATE` (percent, more than 0) and `ROLLBACK_WINDOW_SECONDS` (5 to 600).
///
/// # Errors
/// Every bad variable.
pub fn read_rule(lookup: &dyn Lookup) -> Result<Rule, Faults> {
    let mut reader = Reader::new(lookup);
    let usual = Rule::default();
    let rule = Rule {
        error_rate: reader.or("ROLLBACK_ERROR_RATE", usual.error_rate, error_rate),
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
