//! What tests set, and what they read back.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::mfa::Factor;
use super::rules::{Blocking, Policy, Throttle};
use super::shape::{Arrival, Shape};
use super::state::Shared;

/// A change of settings; what is not named stays. Methods have Google's names, as in [`super::IdentityToolkit::calls`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// Milliseconds before every answer.
    pub latency_ms: Option<u64>,
    /// Every connection ends without an answer.
    pub down: Option<bool>,
    /// Nothing is ever answered.
    pub hang: Option<bool>,
    /// Refusals instead of answers, by method; `null` ends one.
    pub fail: HashMap<String, Option<Failure>>,
    /// Calls that are carried out and whose answer is lost on the way, by method: how many.
    pub lose: HashMap<String, u32>,
    /// The most calls, by method; `null` ends one.
    pub quota: HashMap<String, Option<Quota>>,
    /// Whether `Bearer owner` is taken for an administrator, as the emulator does. At first it is not.
    pub owner: Option<bool>,
    /// E-mail enumeration protection, which new projects have: wrong password and unknown address look alike. At first on.
    pub email_privacy: Option<bool>,
    /// Of a new account whose uid and address are both taken, which is complained about. At first the uid.
    pub email_conflict_first: Option<bool>,
    /// Seconds an access token is good for. At first 3,600.
    pub access_token_seconds: Option<i64>,
    /// Seconds an ID token is good for. At first 3,600.
    pub id_token_seconds: Option<i64>,
    /// Seconds an action code is good for. At first 3,600.
    pub oob_code_seconds: Option<i64>,
    /// Seconds by which pending sign-ins are older than they are. At first 0.
    pub pending_age: Option<i64>,
    /// The project's password policy. At first none but Google's own.
    pub policy: Option<Policy>,
    /// The project's `beforeSignIn` function. At first it allows everybody in.
    pub blocking: Option<Blocking>,
    /// How many wrong passwords are taken. At first any number.
    pub throttle: Option<Throttle>,
    /// Gives accounts second factors, in place of those they have, by address.
    pub factors: HashMap<String, Vec<Factor>>,
    /// Starts counting calls anew.
    pub forget_calls: bool,
    /// The one tenant whose accounts these are: from now on a call that does not name it is refused. At first none.
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
    /// How often; for ever when not said.
    #[serde(default)]
    pub times: Option<u32>,
    /// Seconds for `Retry-After`.
    #[serde(default)]
    pub retry_after: Option<u32>,
    /// Only for calls about this address; for all when not said.
    #[serde(default)]
    pub only: Option<String>,
    /// The shape of the body.
    #[serde(default)]
    pub shape: Shape,
    /// A body in place of it: a 200 may carry an error.
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
