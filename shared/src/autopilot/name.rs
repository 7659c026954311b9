//! The guardrails by name.

use serde::{Deserialize, Serialize};

use crate::guardrail::{Count, Guardrail};

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// Sign-ins that failed.
    Failures,
    /// Sign-ins refused for their password.
    WrongPasswords,
    /// Sign-ins that took long.
    Slow,
    /// Shadow reads that v2 answered otherwise.
    ShadowDifferences,
    /// Sign-ins whose user made no call soon after.
    SignInsWithoutCall,
    /// Sessions that nobody uses after their time.
    SessionsEnded,
}

impl Name {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Failures,
        Self::WrongPasswords,
        Self::Slow,
        Self::ShadowDifferences,
        Self::SignInsWithoutCall,
        Self::SessionsEnded,
    ];

    /// The name in evidence records and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::WrongPasswords => "wrong_passwords",
            Self::Slow => "slow",
            Self::ShadowDifferences => "shadow_differences",
            Self::SignInsWithoutCall => "sign_ins_without_call",
            Self::SessionsEnded => "sessions_ended",
        }
    }

    /// What v2 and the legacy service did in this step. The guardrail of sessions counts those in use, with the sides changed over.
    pub(super) fn figures(self, guardrail: &Guardrail) -> (Count, Count) {
        let (v2, legacy) = guardrail.figures();
        let ended = |count: Count| Count {
            events: count.requests.saturating_sub(count.events),
            ..count
        };
        match self {
            Self::SessionsEnded => (ended(legacy), ended(v2)),
            _ => (v2, legacy),
        }
    }
}
