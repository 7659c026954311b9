//! The Durable Object that watches both sides for all isolates, and keeps the overrides of the rollout (`overrides.rs`).
//! `shared::step_down` decides; this file has the object's storage, alarm and log.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use js_sys::Reflect;
use shared::autopilot::Sightings;
use shared::config::Lookup;
use shared::steering::{Answered, Standing};
use shared::step_down::{self, Change, PROBE_SECONDS, Report, Rule};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use web_sys::Request;
use worker::Env;

use super::autopilot::{self, Pilot};
use super::clock::now;
use super::env::Bindings;
use super::overrides::{self, Overrides};
use super::{glue, task};
use crate::config::BaseUrl;

/// The answer to an isolate while sign-ins are sent back.
pub(super) const DOWN: &str = "down";
const UP: &str = "up";

/// The name of the state in the storage.
const STANDING: &str = "standing";
const PROBE_MS: u32 = 1_000 * PROBE_SECONDS as u32;
const PROBE_TIMEOUT_MS: u32 = 3_000;
const MAX_READINESS_BYTES: u32 = 64 * 1024;
/// A report is two tallies. The callers come beside it.
const MAX_REPORT_CHARS: usize = 256;

/// The variables that it uses.
const VARIABLES: [&str; 10] = [
    "ORIGIN_URL",
    "ROLLBACK_ERROR_RATE",
    "ROLLBACK_WINDOW_SECONDS",
    "LEGACY_AUTH_URL",
    "ROLLOUT_PERCENT",
    "ROLLOUT_KILL_SWITCH",
    "SHADOW_PERCENT",
    autopilot::PLAN,
    overrides::TWO_PERSONS,
    overrides::WEBHOOK,
];

/// Those variables as an isolate sends them, as JSON.
pub(super) fn variables(env: &Env) -> String {
    let lookup = Bindings(env);
    let read: BTreeMap<_, _> = VARIABLES
        .iter()
        .filter_map(|name| Some((*name, lookup.get(name)?)))
        .collect();
    serde_json::to_string(&read).unwrap_or_default()
}

/// One for the whole deployment, by the binding `STEP_DOWN`.
#[wasm_bindgen]
pub struct StepDown(Rc<Object>);

impl std::fmt::Debug for StepDown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StepDown").finish_non_exhaustive()
    }
}

struct Object {
    storage: JsValue,
    rule: Cell<Rule>,
    /// The address where v2 reports its readiness.
    readiness: RefCell<Option<String>>,
    /// The variables that it used last.
    variables: RefCell<String>,
    /// Read from storage at the first event.
    state: RefCell<Option<step_down::StepDown>>,
    overrides: Overrides,
    pilot: Pilot,
    /// Whether an alarm is set that asks v2 about its readiness.
    asks: Cell<bool>,
}

#[wasm_bindgen]
impl StepDown {
    /// Called by the runtime.
    #[wasm_bindgen(constructor)]
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "the runtime hands it over")]
    pub fn new(state: &JsValue, env: Env) -> Self {
        let object = Object {
            storage: Reflect::get(state, &JsValue::from_str("storage")).unwrap_or_default(),
            rule: Cell::default(),
            readiness: RefCell::default(),
            variables: RefCell::default(),
            state: RefCell::default(),
            overrides: Overrides::default(),
            pilot: Pilot::default(),
            asks: Cell::default(),
        };
        object.obey(&Bindings(&env));
        Self(Rc::new(object))
    }

    /// Takes an isolate's report, and answers whether sign-ins are sent back.
    pub fn fetch(&self, request: Request) -> Result<JsValue, JsValue> {
        let object = Rc::clone(&self.0);
        task::run(async move {
            object.follow(glue::variables_of(&request));
            let text = JsFuture::from(request.text()?)
                .await?
                .as_string()
                .unwrap_or_default();
            let author = glue::request_header(&request, "x-author");
            if !author.is_empty() {
                let change = (request.method() == "PUT").then_some(text.as_str());
                let reply = object.steer(&author, change).await?;
                return glue::respond(200, "", reply.as_bytes()).map(JsValue::from);
            }
            let report = (text.len() <= MAX_REPORT_CHARS)
                .then(|| serde_json::from_str::<Report>(&text).ok())
                .flatten();
            let Some(report) = report else {
                return glue::respond(400, "", b"not a report").map(JsValue::from);
            };
            let callers = glue::callers_of(&request);
            let report = report.with_callers((!callers.is_empty()).then_some(&callers));
            let is_down = object
                .apply(|state, rule| state.report(report, rule, now()))
                .await?;
            let sightings = Sightings::from_texts(
                &glue::request_header(&request, "x-sightings"),
                &glue::request_header(&request, "x-sessions"),
            );
            object.pilot_hears(&sightings).await?;
            if !glue::request_header(&request, "x-overrides").is_empty() {
                object.overrides.read(&object.storage).await?;
                object.overrides.tell_expiry();
                let standing = Standing {
                    down: is_down,
                    told: object.overrides.told(),
                    unreadable: object.overrides.are_unreadable(),
                };
                let standing = serde_json::to_string(&standing).unwrap_or_default();
                return glue::respond(200, "", standing.as_bytes()).map(JsValue::from);
            }
            // An isolate of an earlier version knows two words.
            let standing = if is_down { DOWN } else { UP };
            glue::respond(200, "", standing.as_bytes()).map(JsValue::from)
        })
    }

    /// Asks v2 about its readiness, as long as sign-ins are sent back or no user has been moved yet.
    pub fn alarm(&self) -> Result<JsValue, JsValue> {
        let object = Rc::clone(&self.0);
        task::run(async move {
            object.asks.set(false);
            let good = object.is_v2_ready().await;
            object.pilot.probed(good);
            let is_down = object
                .apply(|state, rule| state.probed(good, rule, now()))
                .await?;
            if is_down || object.pilot.awaits_v2() {
                object.ask_later().await?;
            }
            Ok(JsValue::UNDEFINED)
        })
    }
}

impl Object {
    /// Uses the variables of the asking isolate, as JSON: they may change while this object lives, and the runtime hands it its own only
    /// once. An isolate of an earlier version sends none.
    fn follow(&self, variables: String) {
        if variables.is_empty() || *self.variables.borrow() == variables {
            return;
        }
        if let Ok(read) = serde_json::from_str::<BTreeMap<String, String>>(&variables) {
            self.obey(&read);
            self.variables.replace(variables);
        }
    }

    fn obey(&self, lookup: &dyn Lookup) {
        // A bad rule stops the move already; every isolate reports it.
        self.rule.set(step_down::read_rule(lookup).unwrap_or_default());
        let origin = lookup.get("ORIGIN_URL").and_then(|url| BaseUrl::parse(&url).ok());
        self.readiness
            .replace(origin.map(|origin| origin.target("/readyz", "").url().to_owned()));
        self.overrides.obey(lookup);
        self.pilot.obey(lookup);
    }

    /// Applies `event`; stores and logs the changes. Returns whether sign-ins are sent back.
    async fn apply(
        &self,
        event: impl FnOnce(&mut step_down::StepDown, &Rule) -> Option<Change>,
    ) -> Result<bool, JsValue> {
        if self.state.borrow().is_none() {
            let kept = glue::load(&self.storage, STANDING)
                .await?
                .as_string()
                .unwrap_or_default();
            // The storage is empty, or an earlier version wrote it in another form.
            let state = serde_json::from_str(&kept).unwrap_or_default();
            self.state.borrow_mut().get_or_insert(state);
        }
        let (change, is_down, standing) = {
            let mut state = self.state.borrow_mut();
            let state = state.get_or_insert_default();
            let change = event(state, &self.rule.get());
            (change, state.is_down(), serde_json::to_string(state))
        };
        let Some(change) = change else { return Ok(is_down) };
        log(&change);
        if let Ok(standing) = standing {
            glue::store(&self.storage, STANDING, &standing).await?;
        }
        if is_down {
            self.ask_later().await?;
        }
        Ok(is_down)
    }

    async fn ask_later(&self) -> Result<(), JsValue> {
        self.asks.set(true);
        glue::set_alarm(&self.storage, PROBE_MS).await?;
        Ok(())
    }

    /// Whether a side is down: what callers see then says nothing about a release.
    fn is_outage(&self) -> bool {
        let state = self.state.borrow();
        state
            .as_ref()
            .is_some_and(|state| state.is_down() || state.is_legacy_failing(&self.rule.get()))
    }

    async fn pilot_hears(&self, sightings: &Sightings) -> Result<(), JsValue> {
        let outage = self.is_outage();
        self.pilot
            .hear(&self.storage, &self.overrides, sightings, outage)
            .await?;
        if self.pilot.awaits_v2() && !self.asks.get() {
            self.ask_later().await?;
        }
        Ok(())
    }

    /// Takes `change`, or shows the present state. The answer, as JSON.
    async fn steer(&self, author: &str, change: Option<&str>) -> Result<String, JsValue> {
        let reply = self.overrides.steer(&self.storage, author, change).await?;
        let autopilot = self
            .pilot
            .shown(&self.storage, &self.overrides, self.is_outage())
            .await?;
        serde_json::to_string(&Answered { reply, autopilot })
            .map_err(|error| JsValue::from_str(&error.to_string()))
    }

    async fn is_v2_ready(&self) -> bool {
        let Some(url) = self.readiness.borrow().clone() else {
            return false;
        };
        let asked = glue::ask(
            &JsValue::UNDEFINED,
            "GET",
            &url,
            "",
            "",
            PROBE_TIMEOUT_MS,
            MAX_READINESS_BYTES,
        )
        .await;
        asked.is_ok_and(|answer| {
            js_sys::Array::from(&answer)
                .get(0)
                .as_f64()
                .is_some_and(|status| (200.0..300.0).contains(&status))
        })
    }
}

/// Logs every trip and every recovery, with the figures behind it.
fn log(change: &Change) {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        level: &'static str,
        #[serde(flatten)]
        change: &'a Change,
    }
    let line = Line {
        level: "warn",
        change,
    };
    if let Ok(line) = serde_json::to_string(&line) {
        glue::log("warn", &line);
    }
}
