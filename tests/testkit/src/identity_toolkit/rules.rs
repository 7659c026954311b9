//! Rules that a project may add: a password policy, a blocking function, and Google's limits against attackers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// A password policy: <https://cloud.google.com/identity-platform/docs/password-policy>.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The fewest characters.
    pub shortest: usize,
    /// Whether it needs an upper-case letter.
    pub upper: bool,
    /// Whether an older password that breaks it is refused at sign-in.
    pub force_upgrade: bool,
}

/// A `beforeSignIn` function: <https://cloud.google.com/identity-platform/docs/blocking-functions>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocking {
    /// It has no objection.
    Allows,
    /// It refuses with this message.
    Refuses(String),
    /// It does not exist: the answer in its place is not JSON.
    Gone,
    /// It crashes, or takes longer than 7 s.
    Fails,
}

/// How many wrong passwords Google accepts before it says `TOO_MANY_ATTEMPTS_TRY_LATER`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Throttle {
    /// For one account.
    pub account: Option<u32>,
    /// From one address, which is the origin's for all users.
    pub address: Option<u32>,
}

/// The counts so far.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    of: HashMap<String, u32>,
    all: u32,
}

impl Policy {
    /// Refuses a password that breaks it.
    pub(super) fn check(self, password: &str) -> Result<(), Refusal> {
        let mut missing = Vec::new();
        if password.chars().count() < self.shortest {
            missing.push(format!(
                "Password must contain at least {} characters",
                self.shortest
            ));
        }
        if self.upper && !password.chars().any(|c| c.is_ascii_uppercase()) {
            missing.push("Password must contain an upper case character".to_owned());
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(Refusal::bad(format!(
            "PASSWORD_DOES_NOT_MEET_REQUIREMENTS : Missing password requirements: [{}]",
            missing.join(", ")
        )))
    }
}

impl Blocking {
    /// Refuses if the function does.
    pub(super) fn ask(&self) -> Result<(), Refusal> {
        let said = |rest: &str| {
            Refusal::bad(format!(
                "BLOCKING_FUNCTION_ERROR_RESPONSE : HTTP Cloud Function returned an error: {rest}"
            ))
        };
        Err(match self {
            Self::Allows => return Ok(()),
            Self::Refuses(message) => said(
                &serde_json::json!({"error": {"message": message, "status": "PERMISSION_DENIED"}})
                    .to_string(),
            ),
            Self::Gone => said("404 Page not found"),
            Self::Fails => Refusal::new(503, "Error code: 47"),
        })
    }
}

impl Attempts {
    /// Whether a user may try another password for `email`.
    pub(super) fn check(&self, throttle: Throttle, email: &str) -> Result<(), Refusal> {
        let used_up = |most: Option<u32>, count: u32| most.is_some_and(|most| count >= most);
        let here = self.of.get(email).copied().unwrap_or_default();
        if used_up(throttle.account, here) || used_up(throttle.address, self.all) {
            // 400, not 429.
            return Err(Refusal::bad(
                "TOO_MANY_ATTEMPTS_TRY_LATER : Too many unsuccessful login attempts. Please try again later.",
            ));
        }
        Ok(())
    }

    pub(super) fn note_wrong(&mut self, email: &str) {
        let count = self.of.entry(email.to_owned()).or_default();
        *count = count.saturating_add(1);
        self.all = self.all.saturating_add(1);
    }
}
