//! The forms for storage, for isolates and for operators.

use serde::{Deserialize, Serialize};

use super::{Change, Override, Refusal, Steering};
use crate::autopilot;
use crate::routing::Policy;
use crate::time::UnixTime;

/// What an isolate gets with the answer to each report: enough to route by until the next answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The version of the override, to name in logs.
    pub version: u64,
    /// From this moment on the variables count again.
    pub expires_at: UnixTime,
    /// What is replaced.
    pub change: Change,
}

impl Told {
    /// What is in force at `now`.
    #[must_use]
    pub fn of(steering: &Steering, now: UnixTime) -> Option<Self> {
        let current = steering.current(now)?;
        (current.change != Change::default()).then(|| Self {
            version: current.version,
            expires_at: current.expires_at,
            change: current.change.clone(),
        })
    }

    /// The policy in force at `now`, where it differs from `base`.
    #[must_use]
    pub fn policy(&self, base: &Policy, now: UnixTime) -> Option<Policy> {
        (now < self.expires_at).then(|| self.change.on(base))
    }
}

/// The Durable Object's answer to a report of an isolate that knows of overrides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whether sign-ins are sent back.
    pub down: bool,
    /// What replaces the variables, if anything does.
    #[serde(rename = "override")]
    pub told: Option<Told>,
    /// Whether this version cannot read the stored overrides: the variables then count.
    #[serde(default)]
    pub unreadable: bool,
}

/// The Durable Object's answer to a request that shows or changes the rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Reply {
    /// The present state.
    State(Steering),
    /// The change is in force.
    Changed(Steering),
    /// The change waits for a second operator.
    Pending(Steering),
    /// The change broke a rule; nothing has changed.
    Refused(Refusal),
}

/// A reply, and the autopilot's state beside it. An isolate of an earlier version reads the reply alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The reply.
    #[serde(flatten)]
    pub reply: Reply,
    /// The autopilot; absent where it is off.
    #[serde(default)]
    pub autopilot: Option<autopilot::Shown>,
}

/// The answer to `GET /v1/rollout`: the variables, the override in force, the pending change, and the history.
#[derive(Debug, Serialize)]
pub struct Shown<'a> {
    /// What the variables say.
    base: Values,
    /// The values in force.
    effective: Values,
    /// The version that a change must name.
    version: u64,
    /// The override in force, or nothing.
    #[serde(rename = "override")]
    in_force: Option<&'a Override>,
    /// The change that waits for a second operator, or nothing.
    pending: Option<&'a Override>,
    /// Earlier overrides, newest first.
    history: Vec<&'a Override>,
    /// The autopilot's state and decisions; nothing where it is off.
    autopilot: Option<&'a autopilot::Shown>,
}

#[derive(Debug, Serialize)]
struct Values {
    percent: String,
    force_v2: Vec<String>,
    force_legacy: Vec<String>,
    kill_switch: bool,
    readable: bool,
}

impl Values {
    fn of(policy: &Policy) -> Self {
        Self {
            percent: policy.percentage.to_string(),
            force_v2: policy.force_v2.entries().map(str::to_owned).collect(),
            force_legacy: policy.force_legacy.entries().map(str::to_owned).collect(),
            kill_switch: policy.kill_switch,
            readable: !policy.unreadable,
        }
    }
}

impl<'a> Shown<'a> {
    /// The state at `now`.
    #[must_use]
    pub fn of(
        steering: &'a Steering,
        autopilot: Option<&'a autopilot::Shown>,
        base: &Policy,
        now: UnixTime,
    ) -> Self {
        let in_force = steering.current(now);
        let effective = in_force.map_or_else(|| base.clone(), |current| current.change.on(base));
        Self {
            base: Values::of(base),
            effective: Values::of(&effective),
            version: steering.version(),
            in_force,
            pending: steering.pending(now),
            history: steering.history().collect(),
            autopilot,
        }
    }
}

/// `"12.5"`, as in the variables.
pub(super) mod percentage {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::rollout::Percentage;

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub fn serialize<S: Serializer>(value: &Option<Percentage>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(percentage) => serializer.collect_str(percentage),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Percentage>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| Percentage::parse(&text).map_err(de::Error::custom))
            .transpose()
    }
}

/// `["@example.com", "ada@example.com"]`.
pub(super) mod list {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::routing::Users;

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub fn serialize<S: Serializer>(value: &Option<Users>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(users) => serializer.collect_seq(users.entries()),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Users>, D::Error> {
        let Some(entries) = Option::<Vec<String>>::deserialize(deserializer)? else {
            return Ok(None);
        };
        if entries.is_empty() {
            return Ok(Some(Users::default()));
        }
        Users::parse(&entries.join(","))
            .map(Some)
            .map_err(de::Error::custom)
    }
}
