//! Second factors of accounts, and sign-ins that wait for one.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A factor of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct Factor {
    /// Its name; made up where none is given.
    #[serde(default)]
    pub id: String,
    /// A telephone number in E.164; without one it is an authenticator.
    #[serde(default)]
    pub phone: Option<String>,
}

/// A sign-in that waits, or an SMS that was sent for it.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub local_id: String,
    pub began_at: i64,
}

impl Factor {
    /// The factor as an answer shows it: only the last four digits of a telephone number, unless an administrator asks.
    pub(super) fn shown(&self, masked: bool) -> Value {
        let mut shown = json!({"mfaEnrollmentId": self.id, "displayName": "", "enrolledAt": "2026-09-23T10:00:00.123456Z"});
        match &self.phone {
            Some(phone) if masked => {
                let hidden = phone.len().saturating_sub(5);
                let last = phone.get(phone.len().saturating_sub(4)..).unwrap_or_default();
                shown["phoneInfo"] = json!(format!("+{}{last}", "*".repeat(hidden)));
            }
            Some(phone) => shown["phoneInfo"] = json!(phone),
            None => shown["totpInfo"] = json!({}),
        }
        shown
    }
}
