//! Analytics Engine, where a dataset is bound as `TELEMETRY`. The write is put off until the answer is on its way, and one that
//! fails costs the point and nothing else.

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

    /// Hands over the point about `entry`, whose reason is `reason`.
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
        // Refused only when the request is already over.
        let _ = glue::tell(
            dataset,
            context.as_ref(),
            point.index,
            &point.blobs,
            &point.doubles,
        );
    }
}
