//! The autopilot in the Durable Object: its input, its storage, and how its decisions come into force. `shared::autopilot` decides.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use serde_json::json;
use shared::autopilot::{
    AUTHOR, Autopilot, Decision, Kept, Plan, RECORDS, Record, Shown, Sightings, Situation, read_records,
};
use shared::config::{Lookup, Reader};
use shared::rollout::Percentage;
use shared::routing::{self, Policy};
use shared::steering::Steering;
use shared::time::UnixTime;
use wasm_bindgen::JsValue;

use super::clock::now;
use super::glue;
use super::overrides::Overrides;

/// The variable with the plan.
pub(super) const PLAN: &str = "ROLLOUT_AUTOPILOT";
/// The names of its state and its evidence in the storage.
const STATE: &str = "autopilot";
const EVIDENCE: &str = "evidence";
/// How often the sightings are stored, in seconds: a restart loses no more.
const KEPT_EVERY: i64 = 60;

/// The autopilot, with its plan.
#[derive(Default)]
pub(super) struct Pilot {
    plan: RefCell<Option<Plan>>,
    base: RefCell<Option<Policy>>,
    shadow: Cell<bool>,
    /// Read from storage at the first event, as are the records, newest first.
    state: RefCell<Option<Autopilot>>,
    records: RefCell<VecDeque<Record>>,
    /// Whether v2 last said that it is ready.
    ready: Cell<bool>,
    kept_at: Cell<i64>,
}

impl Pilot {
    /// Uses the variables in `lookup` from now on.
    pub fn obey(&self, lookup: &dyn Lookup) {
        let mut reader = Reader::new(lookup);
        self.plan.replace(reader.or(PLAN, None, Plan::parse));
        let shadow = reader.or("SHADOW_PERCENT", Percentage::NOBODY, Percentage::parse);
        self.shadow.set(shadow > Percentage::NOBODY);
        let has_legacy = reader.text("LEGACY_AUTH_URL").is_some();
        self.base
            .replace(Some(routing::read_policy(lookup, has_legacy).0));
    }

    /// Whether it needs v2's readiness before it moves the first user.
    pub fn awaits_v2(&self) -> bool {
        let waits = |state: &Autopilot| state.is_before_the_first_step() && !state.waits_for_go();
        self.plan.borrow().is_some() && self.state.borrow().as_ref().is_some_and(waits)
    }

    /// Takes v2's answer to "are you ready?".
    pub fn probed(&self, ready: bool) {
        self.ready.set(ready);
        if let Some(state) = self.state.borrow_mut().as_mut() {
            state.probed(ready);
        }
    }

    /// Takes an isolate's report, with `outage` while a side is down, and puts its decisions into force.
    pub async fn hear(
        &self,
        storage: &JsValue,
        overrides: &Overrides,
        sightings: &Sightings,
        outage: bool,
    ) -> Result<(), JsValue> {
        let Some(plan) = self.plan.borrow().clone() else {
            return Ok(());
        };
        overrides.read(storage).await?;
        self.read(storage, &plan, overrides).await?;
        // From here to the end of the change the code never waits, so no other report comes in between.
        let now = now();
        let situation = self.situation(overrides, outage, now);
        let steering = overrides.steering();
        let decision = {
            let mut state = self.state.borrow_mut();
            let state = state.get_or_insert_with(|| Autopilot::new(&plan, situation.percent, now));
            state.observe(&plan, sightings, now);
            state.decide(&plan, &situation, now)
        };
        if let Some(decision) = decision {
            return self
                .carry_out(storage, overrides, (&plan, &steering), &decision, now)
                .await;
        }
        if !(0..KEPT_EVERY).contains(&now.secs().saturating_sub(self.kept_at.get())) {
            self.kept_at.set(now.secs());
            glue::store(storage, STATE, &self.state_text()).await?;
        }
        Ok(())
    }

    /// Its state, for operators; nothing where it is off.
    pub async fn shown(
        &self,
        storage: &JsValue,
        overrides: &Overrides,
        outage: bool,
    ) -> Result<Option<Shown>, JsValue> {
        let Some(plan) = self.plan.borrow().clone() else {
            return Ok(None);
        };
        overrides.read(storage).await?;
        self.read(storage, &plan, overrides).await?;
        let situation = self.situation(overrides, outage, now());
        let records = self.records.borrow().iter().cloned().collect();
        let state = self.state.borrow();
        Ok(state
            .as_ref()
            .map(|state| state.shown(&plan, &situation, records)))
    }

    async fn carry_out(
        &self,
        storage: &JsValue,
        overrides: &Overrides,
        (plan, steering): (&Plan, &Steering),
        decision: &Decision,
        now: UnixTime,
    ) -> Result<(), JsValue> {
        let wanted = steering.with_percent(decision.percent, &decision.record.rule, now);
        // The plan was deployed and reviewed; a step back waits for no second operator.
        let Ok(outcome) = overrides.put(wanted, AUTHOR, false) else {
            return Ok(());
        };
        let version = steering.version().saturating_add(1);
        let record = {
            let mut state = self.state.borrow_mut();
            let state = state.get_or_insert_with(|| Autopilot::new(plan, decision.percent, now));
            state.applied(plan, decision, version, now)
        };
        self.records.borrow_mut().push_front(record.clone());
        self.records.borrow_mut().truncate(RECORDS);
        let mut entries = overrides.entries()?;
        entries.insert(STATE, self.state_text());
        let records = serde_json::to_string(&*self.records.borrow()).unwrap_or_default();
        entries.insert(EVIDENCE, records);
        if let Err(error) = overrides.keep(storage, &entries).await {
            self.state.take();
            return Err(error);
        }
        let line = json!({ "level": "warn", "event": "rollout_decided", "decision": record });
        glue::log("warn", &line.to_string());
        overrides.tell(&outcome);
        Ok(())
    }

    fn state_text(&self) -> String {
        serde_json::to_string(&*self.state.borrow()).unwrap_or_default()
    }

    fn situation(&self, overrides: &Overrides, outage: bool, now: UnixTime) -> Situation {
        let base = self.base.borrow();
        let base = base.clone().unwrap_or_else(Policy::all_legacy);
        let steering = overrides.steering();
        let current = steering.current(now);
        let policy = current.map_or_else(|| base.clone(), |current| current.change.on(&base));
        let held = if base.unreadable {
            Some("config_invalid")
        } else if !base.legacy_exists {
            Some("no_legacy_service")
        } else if base.kill_switch || policy.kill_switch {
            Some("kill_switch")
        } else if overrides.are_unreadable() {
            Some("overrides_unreadable")
        } else if steering.is_held(now) {
            Some("hold")
        } else {
            None
        };
        Situation {
            percent: policy.percentage,
            held,
            outage,
            shadow: self.shadow.get(),
            go: steering.last_go(),
            ready: self.ready.get(),
            expires_at: current
                .filter(|current| current.author == AUTHOR)
                .map(|current| current.expires_at),
        }
    }

    async fn read(&self, storage: &JsValue, plan: &Plan, overrides: &Overrides) -> Result<(), JsValue> {
        if self.state.borrow().is_some() {
            return Ok(());
        }
        let kept = glue::load(storage, STATE).await?.as_string().unwrap_or_default();
        let evidence = glue::load(storage, EVIDENCE)
            .await?
            .as_string()
            .unwrap_or_default();
        let percent = self.situation(overrides, false, now()).percent;
        let version = overrides.steering().version();
        let (state, read) = Autopilot::from_kept((&kept, &evidence), plan, percent, version, now());
        if read != Kept::Whole {
            let waits = state.waits_for_go();
            let line = json!({
                "level": "warn", "event": "rollout_autopilot_begins_again", "kept": read, "waits_for_go": waits,
            });
            glue::log("warn", &line.to_string());
        }
        self.records.replace(read_records(&evidence).into());
        self.state.borrow_mut().get_or_insert(state);
        Ok(())
    }
}
