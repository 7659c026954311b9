//! An isolate's side of the step-down: it says what it saw and learns whether sign-ins are sent back, in one exchange with the
//! object (`step_down.rs`), beside the requests and not in their way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use shared::step_down::Report;
use wasm_bindgen::JsValue;
use worker::{Context, Env};

use super::isolate::Isolate;
use super::{glue, now_ms};

/// The name of the Durable Object binding. Without it nobody keeps count, and nothing steps down.
const BINDING: &str = "STEP_DOWN";
/// An isolate with traffic asks this often.
const EVERY_MS: u64 = 2_000;
/// What is known counts for this long. A sign-in that finds nothing newer, because its isolate was idle, asks first.
const KNOWN_FOR_MS: u64 = 8_000;
/// For as long as this, that is; then it goes by what was known before.
const PATIENCE_MS: u32 = 300;
const TIMEOUT_MS: u32 = 3_000;

/// What one isolate knows of the step-down.
pub(super) struct Watch {
    namespace: Option<JsValue>,
    /// What both sides did since it was last said.
    pub tallies: RefCell<Report>,
    is_down: Cell<bool>,
    known_at_ms: Cell<u64>,
    asked_at_ms: Cell<u64>,
}

impl Watch {
    /// Knows what was known `before`, or nothing yet: what the object says does not turn on our variables.
    pub fn of(env: &Env, before: Option<&Self>) -> Self {
        let namespace = js_sys::Reflect::get(env, &JsValue::from_str(BINDING)).ok();
        Self {
            namespace: namespace.filter(JsValue::is_object),
            tallies: RefCell::new(before.map(|before| before.tallies.take()).unwrap_or_default()),
            is_down: Cell::new(before.is_some_and(|before| before.is_down.get())),
            known_at_ms: Cell::new(before.map_or(0, |before| before.known_at_ms.get())),
            asked_at_ms: Cell::new(before.map_or(0, |before| before.asked_at_ms.get())),
        }
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

    /// Whether somebody keeps count for all isolates.
    pub const fn is_bound(&self) -> bool {
        self.namespace.is_some()
    }

    /// Whether sign-ins are sent back, and when that was last heard in milliseconds since the epoch (0: never). Asks nobody.
    pub const fn last_known(&self) -> (bool, u64) {
        (self.is_down.get(), self.known_at_ms.get())
    }

    /// Says and asks, if it is time to.
    pub fn keep_up(isolate: &Rc<Isolate>, context: &Context) {
        let watch = &isolate.watch;
        if watch.namespace.is_none() {
            return;
        }
        if now_ms().saturating_sub(watch.asked_at_ms.get()) < EVERY_MS {
            return;
        }
        let isolate = Rc::clone(isolate);
        let exchange = wasm_bindgen_futures::future_to_promise(async move {
            isolate.watch.exchange(&JsValue::UNDEFINED, TIMEOUT_MS).await;
            Ok(JsValue::UNDEFINED)
        });
        // Refused only when the request is already over; the promise runs all the same.
        let _ = context.as_ref().wait_until(&exchange);
    }

    /// A report that does not arrive is not repeated: what it says is old by then.
    async fn exchange(&self, context: &JsValue, timeout_ms: u32) {
        let Some(namespace) = &self.namespace else {
            return;
        };
        self.asked_at_ms.set(now_ms());
        let report = self.tallies.take();
        let callers = report.callers_text();
        let Ok(report) = serde_json::to_string(&report) else {
            return;
        };
        let answer = glue::exchange(context, namespace, &report, &callers, timeout_ms).await;
        if let Some(standing) = answer.ok().and_then(|answer| answer.as_string()) {
            self.is_down.set(standing == super::step_down::DOWN);
            self.known_at_ms.set(now_ms());
        }
    }
}
