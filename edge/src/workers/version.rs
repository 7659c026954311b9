//! The configuration with which a request came, and the values derived from it.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Value, json};
use shared::config::Faults;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::Env;

/// Declared in every environment of wrangler.toml. Without it (a local run) the variables themselves are compared.
pub(super) const BINDING: &str = "CF_VERSION_METADATA";

/// As many as `version.js` keeps apart.
const KEPT: usize = 2;

#[wasm_bindgen(module = "/src/workers/version.js")]
extern "C" {
    #[wasm_bindgen(js_name = configurationOf)]
    fn configuration_of(env: &JsValue) -> u32;
}

/// The values derived from one configuration, or its faults.
pub(super) type Derived<T> = Rc<Result<Rc<T>, Faults>>;

/// The values derived from the newest configurations, each under its number; the newest first.
pub(super) struct Kept<T>(RefCell<Vec<(u32, Derived<T>)>>);

impl<T> Kept<T> {
    pub const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// The values for the configuration in `env`. For a configuration that is new to this isolate `start` derives them; it gets the values
    /// of the earlier configuration and may keep those that stay valid.
    pub fn derived(&self, env: &Env, start: impl FnOnce(Option<&T>) -> Result<Rc<T>, Faults>) -> Derived<T> {
        let number = configuration_of(env);
        let mut kept = self.0.borrow_mut();
        if let Some((_, derived)) = kept.iter().find(|(known, _)| *known == number) {
            return Rc::clone(derived);
        }
        let before = kept
            .iter()
            .find_map(|(_, derived)| derived.as_ref().as_ref().ok());
        let derived = Rc::new(start(before.map(Rc::as_ref)));
        kept.insert(0, (number, Rc::clone(&derived)));
        kept.truncate(KEPT);
        derived
    }
}

/// The running version, as Cloudflare states it; null without the binding.
pub(super) fn shown(env: &Env) -> Value {
    let field = |object: &JsValue, name: &str| js_sys::Reflect::get(object, &name.into()).ok();
    let Some(version) = field(env, BINDING).filter(JsValue::is_object) else {
        return Value::Null;
    };
    let text = |name| field(&version, name).and_then(|text| text.as_string());
    json!({ "id": text("id"), "tag": text("tag"), "uploaded_at": text("timestamp") })
}
