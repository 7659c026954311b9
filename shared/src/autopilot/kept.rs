//! A state that an earlier version of the program has kept.
//!
//! A deployment neither stops a rollout nor forgets a roll-back. What is needed for that (whether the autopilot has rolled back, and under
//! which override) is read on its own, whatever has become of the evidence. Evidence that another version gathered, or by other margins,
//! cannot be continued: the step begins again, without any.

use serde::{Deserialize, Serialize};

use super::{Autopilot, Outcome, Plan, Record};
use crate::rollout::Percentage;
use crate::time::UnixTime;

/// How much of the kept state could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// All of it, or nothing was kept.
    Whole,
    /// Not its evidence: the step begins again.
    WithoutEvidence,
    /// Only the last decision, out of the records: a rollout begins where users are, unless that was a roll-back.
    Records,
    /// Nothing. The autopilot may have rolled back, so it waits for an operator's go.
    Nothing,
}

/// This part keeps its shape in every version.
#[derive(Deserialize)]
struct Core {
    percent: u16,
    // Without a default: a state that does not say it may hide a roll-back.
    #[serde(deserialize_with = "Option::deserialize")]
    rolled_back: Option<u64>,
    #[serde(default)]
    unexplained: u32,
}

/// What of a record tells whether it was a roll-back.
#[derive(Deserialize)]
struct Decided {
    outcome: Outcome,
    version: u64,
}

impl Autopilot {
    /// Reads the `state` and the `records` that are kept, newest first, where `percent` holds now and `version` is the last override's. An
    /// empty text is none.
    #[must_use]
    pub fn from_kept(
        (state, records): (&str, &str),
        plan: &Plan,
        percent: Percentage,
        version: u64,
        now: UnixTime,
    ) -> (Self, Kept) {
        let new = |rolled_back, unexplained, percent| Self {
            rolled_back,
            unexplained,
            ..Self::new(plan, percent, now)
        };
        if state.is_empty() {
            return (new(None, 0, percent), Kept::Whole);
        }
        match serde_json::from_str::<Self>(state) {
            Ok(state) if state.step.is_of(plan) => return (state, Kept::Whole),
            _ => {}
        }
        if let Ok(core) = serde_json::from_str::<Core>(state) {
            let percent = Percentage::from_basis_points(core.percent).unwrap_or(percent);
            let state = new(core.rolled_back, core.unexplained, percent);
            return (state, Kept::WithoutEvidence);
        }
        // The state and the records are written together, so without records nothing was decided.
        let records = if records.is_empty() { "[]" } else { records };
        match serde_json::from_str::<Vec<Decided>>(records) {
            Ok(records) => {
                let last = records.iter().find(|record| record.outcome != Outcome::Renew);
                let rolled_back = last.filter(|record| record.outcome == Outcome::RollBack);
                let state = new(rolled_back.map(|record| record.version), 0, percent);
                (state, Kept::Records)
            }
            Err(_) => (new(Some(version), 0, percent), Kept::Nothing),
        }
    }
}

/// The kept `records`, without those that cannot be read.
#[must_use]
pub fn read_records(records: &str) -> Vec<Record> {
    let records: Vec<serde_json::Value> = serde_json::from_str(records).unwrap_or_default();
    records
        .into_iter()
        .filter_map(|record| serde_json::from_value(record).ok())
        .collect()
}
