//! Reading the body of `PUT /v1/rollout`.

use serde::{Deserialize, Serialize};

use super::{Change, Order};
use crate::rollout::Percentage;
use crate::routing::Users;
use crate::time::UnixTime;

/// The largest body that is looked at, in bytes.
pub const MAX_BODY_BYTES: usize = 16 * 1024;
/// The longest reason, in characters.
const MAX_REASON: usize = 500;
/// The most users that a list may name.
const MAX_LISTED: usize = 200;

/// What a caller asks for, read and within its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// What is to be replaced.
    pub change: Change,
    /// Why.
    pub reason: String,
    /// Until when; for as long as an override may last where the change only throws the kill switch and does not say.
    pub expires_at: Option<UnixTime>,
    /// The version that the caller has seen; whichever it is, under the same condition.
    pub expected_version: Option<u64>,
}

/// Why a change was refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Refusal {
    /// The body breaks these rules.
    #[error("the change is not valid")]
    Invalid {
        /// Each broken rule.
        rules: Vec<String>,
    },
    /// Another change came first.
    #[error("expected_version is not {current}: read the rollout again")]
    Version {
        /// The version in force.
        current: u64,
    },
    /// `expires_at` has passed.
    #[error("expires_at has passed")]
    Expired,
    /// `expires_at` is more than 30 days away.
    #[error("expires_at is more than 30 days away: put a lasting change into the variables")]
    TooLong,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    percent: Option<serde_json::Value>,
    force_v2: Option<Vec<String>>,
    force_legacy: Option<Vec<String>>,
    kill_switch: Option<bool>,
    autopilot: Option<Order>,
    #[serde(default)]
    despite_kill_switch: bool,
    reason: String,
    expires_at: Option<String>,
    expected_version: Option<u64>,
}

impl Requested {
    /// Reads a body: `{percent?, force_v2?, force_legacy?, kill_switch?, autopilot?, despite_kill_switch?, reason, expires_at,
    /// expected_version}`. A change that only throws the kill switch needs neither of the last two: in an emergency nobody looks them up.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with each broken rule; it does not repeat texts of the body.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        if body.len() > MAX_BODY_BYTES {
            return Err(Refusal::Invalid {
                rules: vec![format!("the body is longer than {MAX_BODY_BYTES} bytes")],
            });
        }
        let body: Body = serde_json::from_slice(body).map_err(|_| Refusal::Invalid {
            rules: vec![
                "the body is not a JSON object with reason, expires_at, expected_version and the change"
                    .to_owned(),
            ],
        })?;
        let mut broken = Vec::new();
        let percent = body.percent.and_then(|value| {
            let text = match value {
                serde_json::Value::String(text) => text,
                serde_json::Value::Number(number) => number.to_string(),
                _ => String::new(),
            };
            Percentage::parse(&text)
                .map_err(|rule| broken.push(format!("percent {rule}")))
                .ok()
        });
        let mut list = |name: &str, entries: Option<Vec<String>>| {
            let entries = entries?;
            if entries.len() > MAX_LISTED {
                broken.push(format!("{name} names more than {MAX_LISTED} users"));
                return None;
            }
            if entries.is_empty() {
                return Some(Users::default());
            }
            // A comma within an entry would be two of them.
            if entries.iter().any(|entry| entry.contains(',')) {
                broken.push(format!("{name}: an entry holds a comma"));
                return None;
            }
            Users::parse(&entries.join(","))
                .map_err(|rule| broken.push(format!("{name}: {rule}")))
                .ok()
        };
        let force_v2 = list("force_v2", body.force_v2);
        let force_legacy = list("force_legacy", body.force_legacy);
        let reason = body.reason.trim();
        if reason.is_empty() || reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
            broken.push(format!("reason is not one line of 1 to {MAX_REASON} characters"));
        }
        let change = Change {
            percent,
            force_v2,
            force_legacy,
            kill_switch: body.kill_switch,
            autopilot: body.autopilot,
            despite_kill_switch: body.despite_kill_switch,
        };
        let is_switch = change.only_throws_the_kill_switch();
        if body.expires_at.is_none() && !is_switch {
            broken.push("expires_at is missing".to_owned());
        }
        if body.expected_version.is_none() && !is_switch {
            broken.push("expected_version is missing: GET /v1/rollout says it".to_owned());
        }
        let expires_at = body.expires_at.and_then(|text| {
            UnixTime::parse_rfc3339(&text)
                .map_err(|_| broken.push("expires_at is not an RFC 3339 date-time".to_owned()))
                .ok()
        });
        if !broken.is_empty() {
            return Err(Refusal::Invalid { rules: broken });
        }
        Ok(Self {
            change,
            reason: reason.to_owned(),
            expires_at,
            expected_version: body.expected_version,
        })
    }
}
