//! An isolate's side of the step-down: it reports its outcomes and learns whether sign-ins are sent back, in one exchange with the Durable
//! Object (`step_down.rs`), beside the requests and not in their way. The same exchange brings overrides of the rollout.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use shared::routing::Policy;
use shared::steering::{Answered, Reply, Standing, Told};
use shared::step_down::Report;
use shared::time::UnixTime;
use wasm_bindgen::JsValue;
use worker::{Context, Env};

use super::clock::{now, now_ms};
use super::{glue, step_down, task};

/// The name of the Durable Object binding. Without it nobody counts, and nothing steps down.
const BINDING: &str = "STEP_DOWN";
/// How often an isolate with traffic asks, in milliseconds.
const EVERY_MS: u64 = 2_000;
/// How long an answer counts, in milliseconds. A sign-in that finds only an older one, because its isolate was idle, asks first.
const KNOWN_FOR_MS: u64 = 3_500;
/// How long such a sign-in waits, in milliseconds; then it uses the older answer.
const PATIENCE_MS: u32 = 300;
const TIMEOUT_MS: u32 = 3_000;

/// One isolate's knowledge of the step-down.
pub(super) struct Watch {
    namespace: Option<JsValue>,
    /// The variables for the object.
    variables: String,
    /// The outcomes at both sides since the last report.
    pub tallies: RefCell<Report>,
    is_down: Cell<bool>,
    /// Whether sign-ins have returned since the last question about it.
    returned: Cell<bool>,
    /// Whether the object cannot read the overrides that it keeps.
    unreadable: Cell<bool>,
    known_at_ms: Cell<u64>,
    asked_at_ms: Cell<u64>,
    overrides: Overrides,
}

/// The override in force, by the latest answer.
struct Overrides {
    told: RefCell<Option<Told>>,
    /// The override applied to the variables, computed at the first decision after the answer.
    policy: RefCell<Option<Rc<Policy>>>,
}

impl Overrides {
    /// An answer holds under changed variables, too; only its application to them is computed again.
    fn after(before: Option<&Self>) -> Self {
        Self {
            told: RefCell::new(before.and_then(|before| before.told.borrow().clone())),
            policy: RefCell::default(),
        }
    }

    fn hear(&self, told: Option<Told>) {
        if *self.told.borrow() != told {
            self.policy.take();
            self.told.replace(told);
        }
    }

    fn policy(&self, base: &Policy, now: UnixTime) -> Option<Rc<Policy>> {
        let told = self.told.borrow();
        let told = told.as_ref().filter(|told| now < told.expires_at)?;
        let mut policy = self.policy.borrow_mut();
        if policy.is_none() {
            *policy = told.policy(base, now).map(Rc::new);
        }
        policy.clone()
    }
}

impl Watch {
    /// Keeps the knowledge from `before`, or starts with none: the object's answers do not depend on our variables.
    pub fn of(env: &Env, before: Option<&Self>) -> Self {
        let namespace = js_sys::Reflect::get(env, &JsValue::from_str(BINDING)).ok();
        Self {
            namespace: namespace.filter(JsValue::is_object),
            variables: step_down::variables(env),
            tallies: RefCell::new(before.map(|before| before.tallies.take()).unwrap_or_default()),
            is_down: Cell::new(before.is_some_and(|before| before.is_down.get())),
            returned: Cell::default(),
            unreadable: Cell::new(before.is_some_and(|before| before.unreadable.get())),
            known_at_ms: Cell::new(before.map_or(0, |before| before.known_at_ms.get())),
            asked_at_ms: Cell::new(before.map_or(0, |before| before.asked_at_ms.get())),
            overrides: Overrides::after(before.map(|before| &before.overrides)),
        }
    }

    /// The policy that an override makes of `base`, by the latest answer. An isolate that cannot ask keeps its knowledge until the override
    /// expires.
    pub fn overridden(&self, base: &Policy, now: UnixTime) -> Option<Rc<Policy>> {
        self.overrides.policy(base, now)
    }

    /// Shows or changes the overrides, for the service `author`. This isolate uses the answer at once.
    pub async fn steer(&self, context: &Context, author: &str, change: Option<&str>) -> Option<Answered> {
        let namespace = self.namespace.as_ref()?;
        let change = change.map_or(JsValue::UNDEFINED, JsValue::from_str);
        let answer = glue::steer(
            context.as_ref(),
            namespace,
            &self.variables,
            author,
            &change,
            TIMEOUT_MS,
        )
        .await
        .ok()?
        .as_string()?;
        let answered: Answered = serde_json::from_str(&answer).ok()?;
        if let Reply::State(steering) | Reply::Changed(steering) | Reply::Pending(steering) = &answered.reply
        {
            self.overrides.hear(Told::of(steering, now()));
        }
        Some(answered)
    }

    /// Whether sign-ins are sent back, at most [`KNOWN_FOR_MS`] old unless the object cannot be asked.
    pub async fn is_stepped_down(&self, context: &Context) -> bool {
        let now = now_ms();
        let is_known = now.saturating_sub(self.known_at_ms.get()) < KNOWN_FOR_MS;
        let was_asked = now.saturating_sub(self.asked_at_ms.get()) < EVERY_MS;
        if self.namespace.is_some() && !is_known && !was_asked {
            self.exchange(context.as_ref(), PATIENCE_MS).await;
        }
        self.is_down.get()
    }

    /// Whether sign-ins have returned since the last call: v2 was found well.
    pub fn have_sign_ins_returned(&self) -> bool {
        self.returned.take()
    }

    /// Whether the object keeps overrides that nobody can read, as far as the isolate knows.
    pub const fn has_unreadable_overrides(&self) -> bool {
        self.unreadable.get()
    }

    /// Whether a Durable Object counts for all isolates.
    pub const fn is_bound(&self) -> bool {
        self.namespace.is_some()
    }

    /// Whether sign-ins are sent back, and when the isolate last heard it, in milliseconds since the epoch (0: never). It does not ask.
    pub const fn last_known(&self) -> (bool, u64) {
        (self.is_down.get(), self.known_at_ms.get())
    }

    /// Reports and asks, if it is time to.
    pub fn keep_up(self: &Rc<Self>, context: &Context) {
        if self.namespace.is_none() || now_ms().saturating_sub(self.asked_at_ms.get()) < EVERY_MS {
            return;
        }
        let watch = Rc::clone(self);
        task::run_beside(context, async move {
            watch.exchange(&JsValue::UNDEFINED, TIMEOUT_MS).await;
        });
    }

    /// A report that does not arrive is not repeated: by then it is old.
    async fn exchange(&self, context: &JsValue, timeout_ms: u32) {
        let Some(namespace) = &self.namespace else {
            return;
        };
        self.asked_at_ms.set(now_ms());
        let report = self.tallies.take();
        let (callers, sightings) = (report.callers_text(), report.sightings.to_text());
        let sessions = report.sightings.sessions.to_text();
        let Ok(report) = serde_json::to_string(&report) else {
            return;
        };
        let answer = glue::exchange(
            context,
            namespace,
            &self.variables,
            &report,
            &callers,
            &sightings,
            &sessions,
            timeout_ms,
        )
        .await;
        let Some(answer) = answer.ok().and_then(|answer| answer.as_string()) else {
            return;
        };
        match serde_json::from_str::<Standing>(&answer) {
            Ok(standing) => {
                if self.is_down.replace(standing.down) && !standing.down {
                    self.returned.set(true);
                }
                self.unreadable.set(standing.unreadable);
                self.overrides.hear(standing.told);
            }
            // An object of an earlier version knows of no overrides.
            Err(_) => self.is_down.set(answer == step_down::DOWN),
        }
        self.known_at_ms.set(now_ms());
    }
}
