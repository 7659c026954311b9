//! The settings that tests change, and the figures that they read back.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::mfa::Factor;
use super::rules::{Blocking, Policy, Throttle};
use super::shape::{Arrival, Shape};
use super::state::Shared;

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

/// A refusal on demand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// HTTP status.
    pub status: u16,
    /// `error.message`.
    #[serde(default)]
    pub message: String,
    /// How often; without it for ever.
    #[serde(default)]
    pub times: Option<u32>,
    /// Seconds for `Retry-After`.
    #[serde(default)]
    pub retry_after: Option<u32>,
    /// Only for calls about this address; without it for all calls.
    #[serde(default)]
    pub only: Option<String>,
    /// The shape of the body.
    #[serde(default)]
    pub shape: Shape,
    /// A body instead of this shape: a 200 may carry an error.
    #[serde(default)]
    pub body: Option<Value>,
    /// How it arrives.
    #[serde(default)]
    pub arrival: Arrival,
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

pub(super) async fn show(State(shared): State<Shared>) -> Json<Value> {
    let (accounts, addresses) = {
        let store = shared.store();
        (store.len(), store.addresses())
    };
    let mut shown = shared.faults().shown();
    shown["accounts"] = json!(accounts);
    shown["addresses"] = json!(addresses);
    shown["project"] = json!(shared.project());
    Json(shown)
}

pub(super) async fn change(State(shared): State<Shared>, Json(change): Json<Change>) -> Json<Value> {
    shared.change(change);
    show(State(shared)).await
}
