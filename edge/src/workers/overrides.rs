//! The overrides of the rollout, in the storage of the Durable Object. `shared::steering` decides which changes are accepted.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::json;
use shared::config::{self, Lookup, Reader};
use shared::steering::{Outcome, Override, Refusal, Reply, Requested, Steering, Told};
use wasm_bindgen::JsValue;

use super::clock::now;
use super::{glue, task};
use crate::changes::HeaderChanges;

/// The name under which they are kept.
const NAME: &str = "steering";
/// The variable that asks for a second service's agreement.
pub(super) const TWO_PERSONS: &str = "ROLLOUT_TWO_PERSONS";
/// The variable with the address that is told of changes.
pub(super) const WEBHOOK: &str = "ROLLOUT_WEBHOOK_URL";
const WEBHOOK_TIMEOUT_MS: u32 = 3_000;
const MAX_WEBHOOK_ANSWER_BYTES: u32 = 1_024;

/// The overrides, and the rule for changing them.
#[derive(Default)]
pub(super) struct Overrides {
    two_persons: Cell<bool>,
    webhook: RefCell<Option<String>>,
    /// Read from storage at the first event.
    steering: RefCell<Option<Steering>>,
    unreadable: Cell<bool>,
    /// The version of the override that was in force at the last report, until its end is told.
    in_force: Cell<Option<u64>>,
}

/// Texts to store, by their names in the storage.
pub(super) type Entries = BTreeMap<&'static str, String>;

impl Overrides {
    /// Uses the variables in `lookup` from now on. Bad ones stop every isolate before an operator can change anything.
    pub fn obey(&self, lookup: &dyn Lookup) {
        let mut reader = Reader::new(lookup);
        self.two_persons
            .set(reader.or(TWO_PERSONS, false, config::on_off));
        self.webhook
            .replace(lookup.get(WEBHOOK).filter(|url| !url.is_empty()));
    }

    /// The override that isolates must use.
    pub fn told(&self) -> Option<Told> {
        Told::of(self.steering.borrow().as_ref()?, now())
    }

    /// Tells operators, once, that the override in force has expired. A kill switch that expires moves users: nobody may learn of that from
    /// the users.
    pub fn tell_expiry(&self) {
        let steering = self.steering.borrow();
        let Some(newest) = steering.as_ref().and_then(|steering| steering.history().next()) else {
            return;
        };
        if now() < newest.expires_at {
            self.in_force.set(Some(newest.version));
        } else if self.in_force.take() == Some(newest.version) {
            self.write("rollout_override_expired", newest);
        }
    }

    /// Whether the storage holds overrides that cannot be read: the variables then count.
    pub const fn are_unreadable(&self) -> bool {
        self.unreadable.get()
    }

    /// The present state, once it has been [read](Self::read).
    pub fn steering(&self) -> Steering {
        self.steering.borrow().clone().unwrap_or_default()
    }

    /// Takes `change`, or shows the present state.
    pub async fn steer(
        &self,
        storage: &JsValue,
        author: &str,
        change: Option<&str>,
    ) -> Result<Reply, JsValue> {
        self.read(storage).await?;
        let Some(change) = change else {
            return Ok(Reply::State(self.steering()));
        };
        let requested = match Requested::parse(change.as_bytes()) {
            Ok(requested) => requested,
            Err(rule) => return Ok(Reply::Refused(rule)),
        };
        let outcome = match self.put(requested, author, self.two_persons.get()) {
            Ok(outcome) => outcome,
            Err(rule) => return Ok(Reply::Refused(rule)),
        };
        let entries = self.entries()?;
        self.keep(storage, &entries).await?;
        self.tell(&outcome);
        Ok(match outcome {
            Outcome::Changed(_) => Reply::Changed(self.steering()),
            Outcome::Pending(_) => Reply::Pending(self.steering()),
        })
    }

    /// Takes the requested change. It holds once it is [stored](Self::keep).
    pub fn put(&self, requested: Requested, author: &str, two_persons: bool) -> Result<Outcome, Refusal> {
        let mut kept = self.steering.borrow_mut();
        kept.get_or_insert_default()
            .put(requested, author, two_persons, now())
    }

    /// The texts to store, by name.
    pub fn entries(&self) -> Result<Entries, JsValue> {
        let text =
            serde_json::to_string(&self.steering()).map_err(|error| JsValue::from_str(&error.to_string()))?;
        Ok(Entries::from([(NAME, text)]))
    }

    /// Writes `entries` to the storage, all or none.
    pub async fn keep(&self, storage: &JsValue, entries: &Entries) -> Result<(), JsValue> {
        let text = serde_json::to_string(entries).map_err(|error| JsValue::from_str(&error.to_string()))?;
        if let Err(error) = glue::store_all(storage, &text).await {
            // Isolates must not use an override that a restart would forget: the next request reads the storage.
            self.steering.take();
            return Err(error);
        }
        self.unreadable.set(false);
        Ok(())
    }

    /// Reads the storage, the first time.
    pub async fn read(&self, storage: &JsValue) -> Result<(), JsValue> {
        if self.steering.borrow().is_none() {
            let kept = glue::load(storage, NAME).await?.as_string().unwrap_or_default();
            let read = Steering::from_kept(&kept);
            if let Err(unreadable) = &read {
                self.unreadable.set(true);
                let line = json!({
                    "level": "error", "event": "rollout_overrides_unreadable", "reason": unreadable.to_string(),
                });
                glue::log("warn", &line.to_string());
            }
            self.steering.borrow_mut().get_or_insert(read.unwrap_or_default());
        }
        Ok(())
    }

    /// Tells operators what became of a request.
    pub fn tell(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Changed(change) => self.write("rollout_changed", change),
            Outcome::Pending(change) => self.write("rollout_change_pending", change),
        }
    }

    /// Writes a line to the log and sends a message to the webhook, for which nobody waits: the change holds whether or not the webhook
    /// answers. Lists appear by their length only: they hold addresses.
    fn write(&self, event: &str, change: &Override) {
        let line = json!({
            "level": "warn",
            "event": event,
            "version": change.version,
            "percent": change.change.percent.map(|percent| percent.to_string()),
            "kill_switch": change.change.kill_switch,
            "autopilot": change.change.autopilot,
            "despite_kill_switch": change.change.despite_kill_switch,
            "force_v2": change.change.force_v2.as_ref().map(|users| users.entries().count()),
            "force_legacy": change.change.force_legacy.as_ref().map(|users| users.entries().count()),
            "reason": change.reason,
            "author": change.author,
            "approved_by": change.approved_by,
            "expires_at": change.expires_at.to_rfc3339(),
        })
        .to_string();
        glue::log("warn", &line);
        let Some(url) = self.webhook.borrow().clone() else {
            return;
        };
        task::run_alone(post(url, line, change.version));
    }
}

async fn post(url: String, line: String, version: u64) {
    let mut headers = HeaderChanges::new();
    headers.set("content-type", "application/json");
    let told = glue::ask(
        &JsValue::UNDEFINED,
        "POST",
        &url,
        headers.as_text(),
        &line,
        WEBHOOK_TIMEOUT_MS,
        MAX_WEBHOOK_ANSWER_BYTES,
    )
    .await;
    if told.is_err() {
        let line = json!({ "level": "warn", "event": "rollout_webhook_failed", "version": version });
        glue::log("warn", &line.to_string());
    }
}
