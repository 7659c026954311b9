//! The overrides of the rollout, in the storage of the Durable Object. What is taken and what is refused is `shared::steering`.

use std::cell::{Cell, RefCell};

use serde_json::json;
use shared::config::{self, Lookup, Reader};
use shared::steering::{Outcome, Override, Reply, Requested, Steering, Told};
use wasm_bindgen::JsValue;

use super::{glue, now};
use crate::changes::HeaderChanges;

/// The name under which they are kept.
const NAME: &str = "steering";
/// The variable that asks for a second service's agreement.
pub(super) const TWO_PERSONS: &str = "ROLLOUT_TWO_PERSONS";
/// The variable that names who is told of changes.
pub(super) const WEBHOOK: &str = "ROLLOUT_WEBHOOK_URL";
const WEBHOOK_TIMEOUT_MS: u32 = 3_000;
const MAX_WEBHOOK_ANSWER_BYTES: u32 = 1_024;

/// The overrides, and how they are taken.
#[derive(Default)]
pub(super) struct Overrides {
    two_persons: Cell<bool>,
    webhook: RefCell<Option<String>>,
    /// Read from storage at the first event.
    steering: RefCell<Option<Steering>>,
}

impl Overrides {
    /// Goes by the variables in `lookup` from now on. Bad ones stop every isolate before anybody can steer.
    pub fn obey(&self, lookup: &dyn Lookup) {
        let mut reader = Reader::new(lookup);
        self.two_persons
            .set(reader.or(TWO_PERSONS, false, config::on_off));
        self.webhook
            .replace(lookup.get(WEBHOOK).filter(|url| !url.is_empty()));
    }

    /// What isolates are to go by.
    pub async fn told(&self, storage: &JsValue) -> Result<Option<Told>, JsValue> {
        self.read(storage).await?;
        Ok(self
            .steering
            .borrow()
            .as_ref()
            .and_then(|steering| Told::of(steering, now())))
    }

    /// Takes `change`, or shows how things stand. The reply, as JSON.
    pub async fn steer(
        &self,
        storage: &JsValue,
        author: &str,
        change: Option<&str>,
    ) -> Result<String, JsValue> {
        self.read(storage).await?;
        let reply = match change {
            None => Reply::State(self.steering.borrow().clone().unwrap_or_default()),
            Some(change) => self.put(storage, author, change).await?,
        };
        serde_json::to_string(&reply).map_err(|error| JsValue::from_str(&error.to_string()))
    }

    async fn put(&self, storage: &JsValue, author: &str, change: &str) -> Result<Reply, JsValue> {
        let requested = match Requested::parse(change.as_bytes()) {
            Ok(requested) => requested,
            Err(rule) => return Ok(Reply::Refused(rule)),
        };
        let (outcome, steering) = {
            let mut kept = self.steering.borrow_mut();
            let mut steering = kept.clone().unwrap_or_default();
            let outcome = match steering.put(requested, author, self.two_persons.get(), now()) {
                Ok(outcome) => outcome,
                Err(rule) => return Ok(Reply::Refused(rule)),
            };
            *kept = Some(steering.clone());
            (outcome, steering)
        };
        let text = serde_json::to_string(&steering).map_err(|error| JsValue::from_str(&error.to_string()))?;
        if let Err(error) = glue::store(storage, NAME, &text).await {
            // Nobody may go by what a restart would forget: the next one reads what is kept.
            self.steering.take();
            return Err(error);
        }
        match outcome {
            Outcome::Changed(changed) => {
                self.tell("rollout_changed", &changed);
                Ok(Reply::Changed(steering))
            }
            Outcome::Pending(pending) => {
                self.tell("rollout_change_pending", &pending);
                Ok(Reply::Pending(steering))
            }
        }
    }

    async fn read(&self, storage: &JsValue) -> Result<(), JsValue> {
        if self.steering.borrow().is_none() {
            let kept = glue::load(storage, NAME).await?.as_string().unwrap_or_default();
            // Nothing was kept, or by a version that wrote it otherwise.
            let steering = serde_json::from_str(&kept).unwrap_or_default();
            self.steering.borrow_mut().get_or_insert(steering);
        }
        Ok(())
    }

    /// A line in the log, and a message to the webhook, which nobody waits for: the change holds whether or not it answers. Lists are named
    /// by their length: they hold addresses.
    fn tell(&self, event: &str, change: &Override) {
        let line = json!({
            "level": "warn",
            "event": event,
            "version": change.version,
            "percent": change.change.percent.map(|percent| percent.to_string()),
            "kill_switch": change.change.kill_switch,
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
        wasm_bindgen_futures::spawn_local(post(url, line, change.version));
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
