//! The variable `ROLLOUT_AUTOPILOT`.

use crate::config;
use crate::rollout::Percentage;

/// The steps of `on`, in basis points.
const USUAL_STEPS: [u16; 7] = [100, 500, 1_000, 2_500, 5_000, 8_000, 10_000];
const MOST_STEPS: usize = 20;
const USUAL_SLOW_MS: u32 = 1_000;
const USUAL_ERROR_PERCENT: u32 = 1;

/// The steps of a rollout, and how they are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Percentage>,
    /// A sign-in is slow from so many milliseconds on.
    pub slow_ms: u32,
    /// In so many of a hundred rollouts a verdict may be false, of either kind.
    pub error_percent: u32,
}

impl Plan {
    /// Reads `off` (`None`), `on`, or rising percentages as a comma list; then, each after a semicolon, `slow_ms=1000` (10 to 60,000) and
    /// `error_percent=1` (1 to 50).
    ///
    /// # Errors
    /// The rule in words.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let mut parts = text.split(';').map(str::trim);
        let steps = match parts.next() {
            Some("off") => return Ok(None),
            Some("on") => USUAL_STEPS
                .into_iter()
                .filter_map(Percentage::from_basis_points)
                .collect(),
            list => read_steps(list.unwrap_or_default())?,
        };
        let mut plan = Self {
            steps,
            slow_ms: USUAL_SLOW_MS,
            error_percent: USUAL_ERROR_PERCENT,
        };
        for part in parts {
            let number = |text, range| {
                config::whole_number(text, range)
                    .and_then(|number| u32::try_from(number).map_err(|_| "is out of range".to_owned()))
            };
            match part.split_once('=') {
                Some(("slow_ms", text)) => plan.slow_ms = number(text, 10..=60_000)?,
                Some(("error_percent", text)) => plan.error_percent = number(text, 1..=50)?,
                _ => return Err("has a part that is neither slow_ms=… nor error_percent=…".to_owned()),
            }
        }
        Ok(Some(plan))
    }

    /// The step after `percent`; `None` at the end of the plan.
    #[must_use]
    pub fn after(&self, percent: Percentage) -> Option<Percentage> {
        self.steps.iter().copied().find(|step| *step > percent)
    }

    /// The probability that one guardrail may err with in one step, so that all `guardrails` in all steps together err no more often
    /// than the plan allows.
    #[must_use]
    pub fn error_of(&self, guardrails: usize) -> f64 {
        let tests = self.steps.len().saturating_mul(guardrails).max(1);
        let tests = u32::try_from(tests).unwrap_or(u32::MAX);
        f64::from(self.error_percent) / 100.0 / f64::from(tests)
    }
}

fn read_steps(list: &str) -> Result<Vec<Percentage>, String> {
    let rule = || "is not `off`, `on` or a comma list of rising percentages".to_owned();
    let steps = list
        .split(',')
        .map(|step| Percentage::parse(step.trim()).map_err(|_| rule()))
        .collect::<Result<Vec<_>, _>>()?;
    let rises = steps.is_sorted_by(|a, b| a < b) && steps.first() > Some(&Percentage::NOBODY);
    if rises && steps.len() <= MOST_STEPS {
        Ok(steps)
    } else {
        Err(rule())
    }
}
