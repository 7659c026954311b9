//! Which side answers a request: the legacy service or v2. Pure: facts and policy in, decision and reason out, so that any logged decision
//! can be replayed.

mod variables;

use std::collections::BTreeSet;

use crate::identity::TokenKind;
use crate::ids::NormalizedEmail;
use crate::rollout::{Bucket, Percentage, RolloutKey};
pub use variables::read_policy;

/// A side of the move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The origin.
    V2,
    /// The legacy auth service.
    Legacy,
}

impl Side {
    /// The name in `X-Auth-Route`, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::Legacy => "legacy",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::V2 => Self::Legacy,
            Self::Legacy => Self::V2,
        }
    }
}

/// What a request on the legacy contract's paths is for, as far as routing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// It carries a token (in the header or, for verify-token, in the body).
    Token(TokenKind),
    /// A user with an account signs in, or asks for a new password.
    SignIn,
    /// A user makes an account.
    Registration,
    /// Neither: a request without a token to a path that needs one, or a service's own call.
    Other,
}

/// What is known about a request.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The purpose of the request.
    pub purpose: Purpose,
    /// The address in the body of a sign-in, or of the verified token.
    pub email: Option<&'a NormalizedEmail>,
    /// Our user id or the Firebase uid, when there is no address.
    pub id: Option<&'a str>,
    /// The bucket of a user who gave neither, from a cookie that we signed.
    pub cookie: Option<Bucket>,
    /// Whether v2 has been failing while legacy has not: sign-ins go back until it recovers.
    pub stepped_down: bool,
}

/// Which users register at which side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NewUsers {
    /// All at v2, whatever the percentage.
    V2,
    /// All at the legacy service, whatever the percentage.
    Legacy,
    /// By the percentage, as everybody else.
    #[default]
    Percent,
}

impl NewUsers {
    /// Reads `v2`, `legacy` or `percent`.
    ///
    /// # Errors
    /// The rule in words.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "v2" => Ok(Self::V2),
            "legacy" => Ok(Self::Legacy),
            "percent" => Ok(Self::Percent),
            _ => Err("is not `v2`, `legacy` or `percent`"),
        }
    }
}

/// Users named one by one: addresses, whole domains (`@example.com`), user ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users(BTreeSet<String>);

impl Users {
    /// Reads a comma list. Addresses and domains are matched without regard to case, like everywhere else.
    ///
    /// # Errors
    /// The position of an entry that is empty, holds white space, or is a domain without a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut users = BTreeSet::new();
        for (index, entry) in text.split(',').enumerate() {
            let entry = entry.trim().to_lowercase();
            let legible = !entry.is_empty()
                && entry != "@"
                && !entry.chars().any(|c| c.is_whitespace() || c.is_control());
            if !legible {
                let at = index.saturating_add(1);
                return Err(format!(
                    "entry {at} is not an e-mail address, `@domain` or user id"
                ));
            }
            users.insert(entry);
        }
        Ok(Self(users))
    }

    /// The entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    fn contains(&self, facts: &Facts<'_>) -> bool {
        let listed = |email: &NormalizedEmail| {
            self.0.contains(email.as_str()) || self.0.contains(&format!("@{}", email.domain()))
        };
        !self.0.is_empty()
            && (facts.email.is_some_and(listed)
                || facts.id.is_some_and(|id| self.0.contains(&id.to_lowercase())))
    }
}

/// How the operator wants users to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether there still is a legacy service. Without one the origin answers everything.
    pub legacy_exists: bool,
    /// A variable of the rollout could not be read: all sign-ins go to legacy, so that a typing error never moves a user.
    pub unreadable: bool,
    /// All sign-ins go to legacy, whatever the other fields say.
    pub kill_switch: bool,
    /// These sign in at v2.
    pub force_v2: Users,
    /// These sign in at the legacy service; wins over `force_v2`.
    pub force_legacy: Users,
    /// Which users register at which side.
    pub new_users: NewUsers,
    /// The share of users who sign in at v2.
    pub percentage: Percentage,
    /// The salt of the bucket.
    pub group: String,
}

impl Policy {
    /// Nobody has moved.
    #[must_use]
    pub fn all_legacy() -> Self {
        Self {
            legacy_exists: true,
            unreadable: false,
            kill_switch: false,
            force_v2: Users::default(),
            force_legacy: Users::default(),
            new_users: NewUsers::Percent,
            percentage: Percentage::NOBODY,
            group: "auth-v2".to_owned(),
        }
    }
}

/// Why a side was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There is no legacy service any more.
    NoLegacyService,
    /// A variable of the rollout could not be read.
    ConfigInvalid,
    /// The operator's kill switch.
    KillSwitch,
    /// v2 has been failing; sign-ins are sent back for now.
    SteppedDown,
    /// On `ROLLOUT_FORCE_LEGACY`.
    ForcedLegacy,
    /// On `ROLLOUT_FORCE_V2`.
    ForcedV2,
    /// The side that issued the token answers.
    TokenIssuer,
    /// `ROLLOUT_NEW_USERS` says so.
    NewUsers,
    /// The user's bucket is within the percentage.
    InCohort,
    /// The user's bucket is not within the percentage.
    NotInCohort,
    /// Nothing in the request identifies the user.
    Unidentified,
}

impl Reason {
    /// The name in `X-Auth-Route-Reason`, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoLegacyService => "no_legacy_service",
            Self::ConfigInvalid => "config_invalid",
            Self::KillSwitch => "kill_switch",
            Self::SteppedDown => "stepped_down",
            Self::ForcedLegacy => "forced_legacy",
            Self::ForcedV2 => "forced_v2",
            Self::TokenIssuer => "token_issuer",
            Self::NewUsers => "new_users",
            Self::InCohort => "in_cohort",
            Self::NotInCohort => "not_in_cohort",
            Self::Unidentified => "unidentified",
        }
    }
}

/// Where a request goes, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The side.
    pub side: Side,
    /// The rule that chose it.
    pub reason: Reason,
    /// The user's bucket, where the request says who it is and no token does.
    pub bucket: Option<Bucket>,
}

/// Decides. The first rule that applies wins:
/// no legacy service, token, unreadable configuration, kill switch, step-down, forced legacy, forced v2, new users, percentage.
///
/// A token outranks even the kill switch: each side can read only its own tokens, so sending one to the other side would sign its holder
/// out. The switches steer sign-ins, and tokens come from sign-ins.
///
/// The bucket is said whichever rule decides, so that a log of the decisions can be rehearsed under other rules.
#[must_use]
pub fn decide(facts: &Facts<'_>, policy: &Policy) -> Decision {
    let bucket = match facts.purpose {
        Purpose::Token(_) => None,
        Purpose::SignIn | Purpose::Registration | Purpose::Other => bucket(facts, policy),
    };
    let (side, reason) = rule(facts, policy, bucket);
    Decision { side, reason, bucket }
}

fn bucket(facts: &Facts<'_>, policy: &Policy) -> Option<Bucket> {
    let key = facts
        .email
        .map(RolloutKey::Email)
        .or_else(|| facts.id.map(RolloutKey::Id));
    key.map(|key| Bucket::of(&policy.group, key)).or(facts.cookie)
}

fn rule(facts: &Facts<'_>, policy: &Policy, bucket: Option<Bucket>) -> (Side, Reason) {
    if !policy.legacy_exists {
        return (Side::V2, Reason::NoLegacyService);
    }
    match facts.purpose {
        Purpose::Token(TokenKind::Legacy) => return (Side::Legacy, Reason::TokenIssuer),
        Purpose::Token(_) => return (Side::V2, Reason::TokenIssuer),
        Purpose::SignIn | Purpose::Registration | Purpose::Other => {}
    }
    if policy.unreadable {
        return (Side::Legacy, Reason::ConfigInvalid);
    }
    if policy.kill_switch {
        return (Side::Legacy, Reason::KillSwitch);
    }
    if facts.stepped_down {
        return (Side::Legacy, Reason::SteppedDown);
    }
    if policy.force_legacy.contains(facts) {
        return (Side::Legacy, Reason::ForcedLegacy);
    }
    if policy.force_v2.contains(facts) {
        return (Side::V2, Reason::ForcedV2);
    }
    match (facts.purpose, policy.new_users) {
        (Purpose::Registration, NewUsers::V2) => return (Side::V2, Reason::NewUsers),
        (Purpose::Registration, NewUsers::Legacy) => return (Side::Legacy, Reason::NewUsers),
        _ => {}
    }
    match bucket {
        Some(bucket) if bucket.is_within(policy.percentage) => (Side::V2, Reason::InCohort),
        Some(_) => (Side::Legacy, Reason::NotInCohort),
        None => (Side::Legacy, Reason::Unidentified),
    }
}

#[cfg(test)]
mod tests;
