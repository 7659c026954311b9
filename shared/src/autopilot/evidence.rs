//! What a decision was made of, for operators to check.

use serde::{Deserialize, Serialize};

use super::name::Name;
use crate::guardrail::{Count, Guardrail, Verdict};
use crate::time::UnixTime;

/// So many records are kept.
pub const RECORDS: usize = 50;

/// What one guardrail said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The guardrail.
    pub guardrail: Name,
    /// Callers at v2, and those of them who saw the event.
    pub v2: Count,
    /// The same at the legacy service.
    pub legacy: Count,
    /// Evidence against "v2 is tolerable", since the rollout began.
    pub evidence_to_roll_back: f64,
    /// Evidence against "v2 is harmful", since the step began.
    pub evidence_to_promote: f64,
    /// From how much evidence on "tolerable" is given up.
    #[serde(default)]
    pub needed_to_roll_back: f64,
    /// From how much evidence on "harmful" is given up.
    #[serde(default)]
    pub needed_to_promote: f64,
    /// What that allows to say.
    pub verdict: Verdict,
}

impl Reading {
    pub(super) fn of(name: Name, guardrail: &Guardrail) -> Self {
        let (v2, legacy) = name.figures(guardrail);
        let evidence = guardrail.evidence();
        Self {
            guardrail: name,
            v2,
            legacy,
            evidence_to_roll_back: evidence.to_roll_back,
            evidence_to_promote: evidence.to_promote,
            needed_to_roll_back: evidence.needed_to_roll_back,
            needed_to_promote: evidence.needed_to_promote,
            verdict: evidence.verdict(),
        }
    }
}

/// How the autopilot stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The percentage that is watched.
    pub percent: String,
    /// The step after it; nothing at the end of the plan.
    pub next: Option<String>,
    /// Since when.
    pub since: UnixTime,
    /// It has rolled back, and an operator has to say go.
    pub waits_for_go: bool,
    /// Why it may not decide, if anything forbids it.
    pub held: Option<String>,
    /// A side is down: nothing counts.
    pub outage: bool,
    /// What each guardrail says.
    pub readings: Vec<Reading>,
    /// What it decided, newest first.
    pub evidence: Vec<Record>,
}

/// What the autopilot did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It went to the next step.
    Promote,
    /// It sent sign-ins back. From then on an operator has to say go.
    RollBack,
    /// It kept its own percentage in force before that expired.
    Renew,
}

/// One decision, with everything that it was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What was done.
    pub outcome: Outcome,
    /// When.
    pub at: UnixTime,
    /// The percentage before.
    pub from: String,
    /// The percentage after.
    pub to: String,
    /// The rule that decided, in words.
    pub rule: String,
    /// How long the step had lasted, in seconds.
    pub step_seconds: i64,
    /// What each guardrail said.
    pub readings: Vec<Reading>,
    /// The version of the override that it wrote.
    pub version: u64,
}
