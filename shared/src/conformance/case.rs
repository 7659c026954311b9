//! A test vector, and the result of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which code a case runs through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Header rules and signature only: published JWS vectors carry payloads that are not JSON.
    Jws,
    /// Everything: [`crate::token::verify`].
    Token,
}

/// One token and its expected verdict.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// The source of the case, e.g. `Wycheproof JWS`.
    pub source: String,
    /// Its name in that source.
    pub name: String,
    /// The code that it runs through.
    pub layer: Layer,
    /// The token.
    pub token: String,
    /// The JWK set that judges it, as JSON text.
    pub keys: String,
    /// The verifier's clock, in Unix seconds.
    #[serde(default)]
    pub now: i64,
    /// The verifier's configuration, by variable.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// `accepted`, `refused` (for any reason), or the reason of the refusal.
    pub expect: String,
    /// The subject that an accepted token must name.
    #[serde(default)]
    pub subject: Option<String>,
}

/// The result of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `accepted`, or the reason of the refusal.
    pub verdict: String,
    /// The subject that an accepted token names.
    pub subject: Option<String>,
}

impl Case {
    /// Whether `outcome` is the expected one.
    #[must_use]
    pub fn is_met_by(&self, outcome: &Outcome) -> bool {
        let verdict = match self.expect.as_str() {
            "refused" => outcome.verdict != "accepted",
            expected => outcome.verdict == expected,
        };
        verdict && (self.subject.is_none() || self.subject == outcome.subject)
    }
}
