//! The stages of a rollout, in the words of the field, and the conditions for the next one. Pure: an operator's tool supplies the facts.
//!
//! | stage | is reached when |
//! |---|---|
//! | off | the edge is in front, and nobody is at v2 |
//! | shadow | reads are repeated at v2 for comparison |
//! | canary | up to a tenth of the users sign in at v2 |
//! | ramp | more than a tenth, and not all |
//! | live | all of them |
//! | legacy off | there is no legacy service any more |

use crate::rollout::Percentage;

/// The largest percentage of a canary: a tenth.
const CANARY: Option<Percentage> = Percentage::from_basis_points(1_000);
/// At least this many shadow reads must have been the same before users move.
pub const SHADOW_READS: u64 = 100;

/// A stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No user is moved, and no read is compared.
    Off,
    /// Reads are compared.
    Shadow,
    /// A few users are moved.
    Canary,
    /// Many users are moved.
    Ramp,
    /// All users are moved.
    Live,
    /// v2 answers the legacy contract alone.
    LegacyOff,
}

impl Stage {
    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::Ramp => "ramp",
            Self::Live => "live",
            Self::LegacyOff => "legacy off",
        }
    }

    /// The stage after this one.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Off => Some(Self::Shadow),
            Self::Shadow => Some(Self::Canary),
            Self::Canary => Some(Self::Ramp),
            Self::Ramp => Some(Self::Live),
            Self::Live => Some(Self::LegacyOff),
            Self::LegacyOff => None,
        }
    }
}

/// What is known about a rollout; `None` where a fact is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// The percentage in force, in basis points.
    pub percent: u16,
    /// The share of reads that are compared, in basis points.
    pub shadow_percent: u16,
    /// Whether there is a legacy service.
    pub has_legacy: bool,
    /// Whether the edge says that it is ready.
    pub edge_ready: bool,
    /// Whether v2 says that it is ready.
    pub v2_ready: Option<bool>,
    /// Whether the kill switch is thrown.
    pub kill_switch: bool,
    /// Whether sign-ins are sent back.
    pub stepped_down: bool,
    /// Shadow reads that were the same, and that differed, as far as the edge remembers.
    pub shadow_reads: (u64, u64),
    /// Whether every guardrail of the step allows the next one; `None` where no autopilot watches.
    pub guardrails_allow: Option<bool>,
    /// Whether the autopilot has rolled back and no operator has said go.
    pub waits_for_go: bool,
    /// Whether legacy tokens are no longer accepted.
    pub legacy_tokens_ended: Option<bool>,
}

/// A condition of leaving a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// The condition, in words.
    pub name: &'static str,
    /// Whether it holds; `None` where that is unknown.
    pub met: Option<bool>,
}

impl Facts {
    /// The stage that these facts show.
    #[must_use]
    pub fn stage(&self) -> Stage {
        let percent = Percentage::from_basis_points(self.percent).unwrap_or(Percentage::EVERYBODY);
        if !self.has_legacy {
            Stage::LegacyOff
        } else if percent >= Percentage::EVERYBODY {
            Stage::Live
        } else if Some(percent) > CANARY {
            Stage::Ramp
        } else if percent > Percentage::NOBODY {
            Stage::Canary
        } else if self.shadow_percent > 0 {
            Stage::Shadow
        } else {
            Stage::Off
        }
    }

    /// The conditions for the next stage; none in the last stage.
    #[must_use]
    pub fn conditions(&self) -> Vec<Condition> {
        let condition = |name, met| Condition { name, met };
        let known = |name, met| condition(name, Some(met));
        let ready = [
            known("the edge is ready", self.edge_ready),
            condition("v2 is ready", self.v2_ready),
        ];
        let moves = [
            known("the kill switch is off", !self.kill_switch),
            known("sign-ins are not sent back", !self.stepped_down),
            known("no roll-back waits for an operator's go", !self.waits_for_go),
        ];
        let (same, different) = self.shadow_reads;
        let own = match self.stage() {
            Stage::LegacyOff => return Vec::new(),
            Stage::Off => return ready.into(),
            Stage::Shadow => vec![
                known("100 shadow reads were the same", same >= SHADOW_READS),
                known("no shadow read differed", different == 0),
            ],
            Stage::Canary | Stage::Ramp => vec![condition(
                "every guardrail allows the next step",
                self.guardrails_allow,
            )],
            Stage::Live => vec![condition(
                "legacy tokens are no longer accepted",
                self.legacy_tokens_ended,
            )],
        };
        ready.into_iter().chain(moves).chain(own).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const WELL: Facts = Facts {
        percent: 0,
        shadow_percent: 0,
        has_legacy: true,
        edge_ready: true,
        v2_ready: Some(true),
        kill_switch: false,
        stepped_down: false,
        shadow_reads: (SHADOW_READS, 0),
        guardrails_allow: Some(true),
        waits_for_go: false,
        legacy_tokens_ended: Some(true),
    };

    #[test]
    fn facts_name_their_stage() {
        for (percent, shadow_percent, has_legacy, stage) in [
            (0, 0, true, Stage::Off),
            (0, 500, true, Stage::Shadow),
            (1, 0, true, Stage::Canary),
            (1_000, 500, true, Stage::Canary),
            (1_001, 0, true, Stage::Ramp),
            (9_999, 0, true, Stage::Ramp),
            (10_000, 0, true, Stage::Live),
            (0, 0, false, Stage::LegacyOff),
        ] {
            let facts = Facts {
                percent,
                shadow_percent,
                has_legacy,
                ..WELL
            };
            assert_eq!(facts.stage(), stage, "{facts:?}");
            assert!(
                facts
                    .conditions()
                    .iter()
                    .all(|condition| condition.met == Some(true))
            );
            assert_eq!(facts.conditions().is_empty(), stage.next().is_none());
        }
    }

    #[test]
    fn each_fact_is_missed_where_it_matters() {
        let missed = |facts: Facts| -> Vec<&str> {
            let conditions = facts.conditions().into_iter();
            conditions
                .filter(|condition| condition.met != Some(true))
                .map(|condition| condition.name)
                .collect()
        };
        let canary = Facts { percent: 500, ..WELL };
        for (facts, name) in [
            (
                Facts {
                    edge_ready: false,
                    ..canary
                },
                "the edge is ready",
            ),
            (
                Facts {
                    v2_ready: None,
                    ..canary
                },
                "v2 is ready",
            ),
            (
                Facts {
                    kill_switch: true,
                    ..canary
                },
                "the kill switch is off",
            ),
            (
                Facts {
                    stepped_down: true,
                    ..canary
                },
                "sign-ins are not sent back",
            ),
            (
                Facts {
                    waits_for_go: true,
                    ..canary
                },
                "no roll-back waits for an operator's go",
            ),
            (
                Facts {
                    guardrails_allow: None,
                    ..canary
                },
                "every guardrail allows the next step",
            ),
            (
                Facts {
                    shadow_percent: 1,
                    shadow_reads: (99, 0),
                    ..WELL
                },
                "100 shadow reads were the same",
            ),
            (
                Facts {
                    shadow_percent: 1,
                    shadow_reads: (500, 1),
                    ..WELL
                },
                "no shadow read differed",
            ),
            (
                Facts {
                    percent: 10_000,
                    legacy_tokens_ended: Some(false),
                    ..WELL
                },
                "legacy tokens are no longer accepted",
            ),
        ] {
            assert_eq!(missed(facts), [name]);
        }
    }

    #[test]
    fn stages_follow_each_other() {
        let mut names = vec![Stage::Off.as_str()];
        let mut stage = Stage::Off;
        while let Some(next) = stage.next() {
            assert!(next > stage);
            names.push(next.as_str());
            stage = next;
        }
        assert_eq!(names, ["off", "shadow", "canary", "ramp", "live", "legacy off"]);
    }
}
