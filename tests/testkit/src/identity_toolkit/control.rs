//! The settings that tests change.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::factor::Factor;
use super::refusal::Failure;
use super::rules::{Blocking, Policy, Throttle};

/// A change of settings; fields that are not named stay. Methods have Google's names, as in [`super::IdentityToolkit::calls`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// Milliseconds before every answer.
    pub latency_ms: Option<u64>,
    /// Whether every connection ends without an answer.
    pub down: Option<bool>,
    /// Whether no request is ever answered.
    pub hang: Option<bool>,
    /// Refusals instead of answers, by method; `null` ends one.
    pub fail: HashMap<String, Option<Failure>>,
    /// Calls that are carried out but lose their answer on the way, by method: how many.
    pub lose: HashMap<String, u32>,
    /// The most calls, by method; `null` ends one.
    pub quota: HashMap<String, Option<Quota>>,
    /// Whether `Bearer owner` counts as an administrator, as with the emulator. At first it does not.
    pub owner: Option<bool>,
    /// E-mail enumeration protection, which new projects have: wrong password and unknown address look alike. At first on.
    pub email_privacy: Option<bool>,
    /// Whether the refusal of a new account names its address when both its uid and its address are taken. At first it names the uid.
    pub email_conflict_first: Option<bool>,
    /// How long an access token is good, in seconds. At first 3,600.
    pub access_token_seconds: Option<i64>,
    /// How long an ID token is good, in seconds. At first 3,600.
    pub id_token_seconds: Option<i64>,
    /// How long an action code is good, in seconds. At first 3,600.
    pub oob_code_seconds: Option<i64>,
    /// How many seconds older pending sign-ins look than they are. At first 0.
    pub pending_age: Option<i64>,
    /// The project's password policy. At first none but Google's own.
    pub policy: Option<Policy>,
    /// The project's `beforeSignIn` function. At first it lets every user in.
    pub blocking: Option<Blocking>,
    /// How many wrong passwords are accepted. At first any number.
    pub throttle: Option<Throttle>,
    /// Gives accounts second factors, by address, in place of those they have.
    pub factors: HashMap<String, Vec<Factor>>,
    /// Starts counting calls from zero.
    pub forget_calls: bool,
    /// The one tenant of these accounts: from now on a call that does not name it is refused. At first none.
    pub tenant: Option<String>,
    /// Removes every account.
    pub forget_accounts: bool,
    /// Voids every access token given out so far.
    pub forget_access_tokens: bool,
}

/// The most calls within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// How many calls.
    pub calls: u32,
    /// Within how many milliseconds.
    pub per_ms: u64,
}
