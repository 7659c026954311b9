//! Changes a rollout in seconds, without a deployment: an override on top of the variables, kept in one place for all isolates.
//!
//! The variables stay the base. An override names the fields that it replaces, its author, its reason and its end; compare-and-set takes
//! it, and earlier overrides stay in the history. Pure: the owner of the state supplies the time and the author.

mod request;
mod wire;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::autopilot;
use crate::rollout::Percentage;
use crate::routing::{Policy, Users};
use crate::time::UnixTime;
pub use request::{MAX_BODY_BYTES, Refusal, Requested};
pub use wire::{Answered, Reply, Shown, Standing, Told};

/// How many earlier overrides are kept.
pub const HISTORY: usize = 200;
/// What is kept has no more characters, or earlier overrides are forgotten: Durable Objects store up to 2 MB in one value, and take two
/// bytes for a character where a text has any beyond Latin-1.
const MAX_KEPT_CHARS: usize = 900_000;
/// The longest time for which an override may hold, in seconds: 30 days. A lasting change belongs into the variables.
pub const LONGEST_SECONDS: i64 = 30 * 24 * 60 * 60;
/// How long a change waits for a second operator, in seconds.
pub const PENDING_SECONDS: i64 = 60 * 60;

/// The fields that an override replaces. A `None` field stays as in the variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// `ROLLOUT_PERCENT`.
    #[serde(with = "wire::percentage", default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<Percentage>,
    /// `ROLLOUT_FORCE_V2`, as a comma list.
    #[serde(with = "wire::list", default, skip_serializing_if = "Option::is_none")]
    pub force_v2: Option<Users>,
    /// `ROLLOUT_FORCE_LEGACY`, as a comma list.
    #[serde(with = "wire::list", default, skip_serializing_if = "Option::is_none")]
    pub force_legacy: Option<Users>,
    /// `ROLLOUT_KILL_SWITCH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kill_switch: Option<bool>,
    /// An operator's order to the autopilot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autopilot: Option<Order>,
    /// Whether this counts although the variables throw the kill switch. An operator must say so explicitly.
    #[serde(default, skip_serializing_if = "is_false")]
    pub despite_kill_switch: bool,
}

/// An operator's order to the autopilot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// It may go on, although it has rolled back.
    Go,
    /// It decides nothing for as long as this override is in force.
    Hold,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// An override in force, or one of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// What it replaces; nothing at all for a return to the variables.
    #[serde(flatten)]
    pub change: Change,
    /// Why, in the author's words.
    pub reason: String,
    /// The service that asked, by its key.
    pub author: String,
    /// The service that agreed, by its key, where two are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Since when.
    pub since: UnixTime,
    /// Until when. The variables count again from then on.
    pub expires_at: UnixTime,
    /// Counts up by one with each override.
    pub version: u64,
}

/// What is kept for all isolates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steering {
    /// Newest last; the last one is in force unless it has expired.
    history: VecDeque<Override>,
    /// The change that waits for a second operator.
    pending: Option<Override>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in force.
    Changed(Override),
    /// It waits for another service's agreement: the same request, with another key.
    Pending(Override),
}

/// This version cannot read the stored overrides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored overrides cannot be read")]
pub struct UnreadableOverrides;

impl Steering {
    /// Reads the stored text; an empty text is a rollout that no operator has changed yet.
    ///
    /// # Errors
    /// [`UnreadableOverrides`]: the reader then uses the variables, and reports it.
    pub fn from_kept(text: &str) -> Result<Self, UnreadableOverrides> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|_| UnreadableOverrides)
    }

    /// The version that the next change must name. It counts overrides in force and expired ones.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.history.back().map_or(0, |newest| newest.version)
    }

    /// What is in force at `now`.
    #[must_use]
    pub fn current(&self, now: UnixTime) -> Option<&Override> {
        self.history.back().filter(|newest| now < newest.expires_at)
    }

    /// The change that waits for a second operator at `now`.
    #[must_use]
    pub fn pending(&self, now: UnixTime) -> Option<&Override> {
        self.pending
            .as_ref()
            .filter(|pending| (0..PENDING_SECONDS).contains(&now.since(pending.since)))
    }

    /// Earlier overrides, newest first.
    pub fn history(&self) -> impl Iterator<Item = &Override> {
        self.history.iter().rev()
    }

    /// Whether an operator holds the autopilot at `now`.
    #[must_use]
    pub fn is_held(&self, now: UnixTime) -> bool {
        self.current(now)
            .is_some_and(|current| current.change.autopilot == Some(Order::Hold))
    }

    /// The version of the last override in which an operator told the autopilot to go on; 0 for never.
    #[must_use]
    pub fn last_go(&self) -> u64 {
        self.history()
            .find(|past| past.change.autopilot == Some(Order::Go) && past.author != autopilot::AUTHOR)
            .map_or(0, |past| past.version)
    }

    /// The autopilot's request to have `percent` in force at `now`. The rest of the current override stays, and a kill switch in the
    /// variables always outranks the request.
    #[must_use]
    pub fn with_percent(&self, percent: Percentage, reason: &str, now: UnixTime) -> Requested {
        let in_force = self.current(now).map(|current| current.change.clone());
        Requested {
            change: Change {
                percent: Some(percent),
                autopilot: None,
                despite_kill_switch: false,
                ..in_force.unwrap_or_default()
            },
            reason: reason.to_owned(),
            expires_at: None,
            expected_version: Some(self.version()),
        }
    }

    /// Takes the change that `author` asks for at `now`, or says which rule it breaks and changes nothing.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn put(
        &mut self,
        requested: Requested,
        author: &str,
        two_persons: bool,
        now: UnixTime,
    ) -> Result<Outcome, Refusal> {
        if requested
            .expected_version
            .is_some_and(|expected| expected != self.version())
        {
            return Err(Refusal::Version {
                current: self.version(),
            });
        }
        let expires_at = requested.expires_at.unwrap_or_else(|| now.plus(LONGEST_SECONDS));
        let lasts = expires_at.since(now);
        if lasts <= 0 {
            return Err(Refusal::Expired);
        }
        if lasts > LONGEST_SECONDS {
            return Err(Refusal::TooLong);
        }
        let mut wanted = Override {
            change: requested.change,
            reason: requested.reason,
            author: author.to_owned(),
            approved_by: None,
            since: now,
            expires_at,
            version: self.version().saturating_add(1),
        };
        // Sending every user back must not wait for a second operator.
        if two_persons && !wanted.change.only_throws_the_kill_switch() {
            match self.pending(now) {
                Some(pending) if pending.asks_the_same_as(&wanted) && pending.author != author => {
                    wanted.approved_by = Some(author.to_owned());
                    wanted.author.clone_from(&pending.author);
                    wanted.reason.clone_from(&pending.reason);
                }
                _ => {
                    self.pending = Some(wanted.clone());
                    return Ok(Outcome::Pending(wanted));
                }
            }
        }
        self.pending = None;
        self.history.push_back(wanted.clone());
        while self.history.len() > HISTORY || (self.history.len() > 1 && self.is_too_long()) {
            self.history.pop_front();
        }
        Ok(Outcome::Changed(wanted))
    }

    fn is_too_long(&self) -> bool {
        serde_json::to_string(self).is_ok_and(|text| text.len() > MAX_KEPT_CHARS)
    }
}

impl Override {
    fn asks_the_same_as(&self, other: &Self) -> bool {
        (&self.change, self.expires_at, self.version) == (&other.change, other.expires_at, other.version)
    }
}

impl Change {
    fn only_throws_the_kill_switch(&self) -> bool {
        let switch = Self {
            kill_switch: Some(true),
            ..Self::default()
        };
        *self == switch
    }

    /// The policy in force: `base`, as the variables say, with the fields that this replaces.
    ///
    /// A kill switch in the variables outranks every override that does not say `despite_kill_switch`, and variables that cannot be
    /// read outrank all of them.
    #[must_use]
    pub fn on(&self, base: &Policy) -> Policy {
        let mut policy = base.clone();
        if base.unreadable || (base.kill_switch && !self.despite_kill_switch) {
            return policy;
        }
        if let Some(percent) = self.percent {
            policy.percentage = percent;
        }
        if let Some(users) = &self.force_v2 {
            policy.force_v2.clone_from(users);
        }
        if let Some(users) = &self.force_legacy {
            policy.force_legacy.clone_from(users);
        }
        if let Some(kill_switch) = self.kill_switch {
            policy.kill_switch = kill_switch;
        }
        policy
    }
}

#[cfg(test)]
mod tests;
