//! Analytics Engine, where a dataset is bound as `TELEMETRY`. The write waits until the answer is on its way; a failed write loses the
//! point and nothing else.

use wasm_bindgen::JsValue;
use worker::{Context, Env, worker_sys};

use super::glue;
use crate::journal::Entry;
use crate::telemetry::{self, Standing};

const BINDING: &str = "TELEMETRY";

/// The dataset that is bound, if one is.
pub(super) struct Telemetry(Option<JsValue>);

impl Telemetry {
    pub fn of(env: &Env) -> Self {
        let dataset = js_sys::Reflect::get(env, &JsValue::from_str(BINDING)).ok();
        Self(dataset.filter(JsValue::is_object))
    }

    pub const fn is_bound(&self) -> bool {
        self.0.is_some()
    }

    /// Sends the point about `entry` with the reason `reason`.
    pub fn tell(
        &self,
        entry: &Entry<'_>,
        reason: &'static str,
        standing: impl FnOnce() -> Standing,
        context: &Context,
    ) {
        let Some(dataset) = &self.0 else { return };
        let point = telemetry::point(entry, reason, &standing());
        let context: &worker_sys::Context = context.as_ref();
        // The runtime refuses this only when the request is already over.
        let _ = glue::tell(
            dataset,
            context.as_ref(),
            point.index,
            &point.blobs,
            &point.doubles,
        );
    }
}
