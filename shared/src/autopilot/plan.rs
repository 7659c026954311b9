//! The variable `ROLLOUT_AUTOPILOT`.

use crate::config;
use crate::rollout::Percentage;

/// The steps of `on`, in basis points.
const USUAL_STEPS: [u16; 7] = [100, 500, 1_000, 2_500, 5_000, 8_000, 10_000];
const MOST_STEPS: usize = 20;
const USUAL_SLOW_MS: u32 = 1_000;
const USUAL_ERROR_PERCENT: u32 = 1;
/// A Firebase ID token lives so long. Who has not got a new one by then is signed out.
const USUAL_SESSION_SECONDS: u32 = 3_600;
/// Clocks of the edge and of those who issue tokens differ by no more, in seconds.
pub(super) const CLOCKS_DIFFER: i64 = 120;

/// The steps of a rollout, and how they are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Percentage>,
    /// A sign-in is slow from so many milliseconds on.
    pub slow_ms: u32,
    /// In so many of a hundred rollouts a verdict may be false, of either kind.
    pub error_percent: u32,
    /// Sessions are looked at again after so many seconds; 0 for never.
    pub session_seconds: u32,
}

/// When a session that a sign-in began is looked at, in seconds after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follows(i64);

impl Follows {
    /// Until then a first call is to come.
    pub(super) const fn first_call(self) -> i64 {
        self.0.div_euclid(6)
    }

    /// From then on a session in use shows that sessions last.
    pub(super) const fn session(self) -> i64 {
        self.0
    }

    /// Until then.
    pub(super) const fn end(self) -> i64 {
        self.0.saturating_add(self.0.div_euclid(2))
    }

    /// Whether a call with a token of a session that began `age` seconds ago says anything.
    #[must_use]
    pub fn wants(self, age: i64) -> bool {
        (-CLOCKS_DIFFER..self.first_call()).contains(&age) || (self.session()..self.end()).contains(&age)
    }
}

impl Plan {
    /// Reads `off` (`None`), `on`, or rising percentages as a comma list; then, each after a semicolon, `slow_ms=1000` (10 to 60,000),
    /// `error_percent=1` (1 to 50) and `session_seconds=3600` (0, or 10 to 43,200).
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
            session_seconds: USUAL_SESSION_SECONDS,
        };
        for part in parts {
            let number = |text, range| {
                config::whole_number(text, range)
                    .and_then(|number| u32::try_from(number).map_err(|_| "is out of range".to_owned()))
            };
            match part.split_once('=') {
                Some(("slow_ms", text)) => plan.slow_ms = number(text, 10..=60_000)?,
                Some(("error_percent", text)) => plan.error_percent = number(text, 1..=50)?,
                Some(("session_seconds", "0")) => plan.session_seconds = 0,
                Some(("session_seconds", text)) => plan.session_seconds = number(text, 10..=43_200)?,
                _ => {
                    return Err(
                        "has a part that is neither slow_ms=…, error_percent=… nor session_seconds=…"
                            .to_owned(),
                    );
                }
            }
        }
        Ok(Some(plan))
    }

    /// The step after `percent`; `None` at the end of the plan.
    #[must_use]
    pub fn after(&self, percent: Percentage) -> Option<Percentage> {
        self.steps.iter().copied().find(|step| *step > percent)
    }

    /// The probability of a false verdict in a whole rollout, of either kind.
    #[must_use]
    pub fn error(&self) -> f64 {
        f64::from(self.error_percent) / 100.0
    }

    /// How many steps there are, with the one before the first percentage.
    #[must_use]
    pub fn steps(&self) -> u32 {
        u32::try_from(self.steps.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }

    /// When sessions are looked at; `None` for never.
    #[must_use]
    pub fn follows(&self) -> Option<Follows> {
        (self.session_seconds > 0).then(|| Follows(i64::from(self.session_seconds)))
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
