//! wrangler's variables and secrets as a lookup. Each is read once per isolate and version.

use shared::config::Lookup;
use wasm_bindgen::JsValue;
use worker::Env;

/// Variables and secrets of a worker. Other bindings (objects) are not strings and read as not set.
pub(super) struct Bindings<'a>(pub &'a Env);

impl Lookup for Bindings<'_> {
    fn get(&self, name: &str) -> Option<String> {
        js_sys::Reflect::get(self.0, &JsValue::from_str(name))
            .ok()?
            .as_string()
    }
}
