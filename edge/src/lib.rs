//! The edge: a Cloudflare Worker in front of the origin, the legacy auth service and the app services.
//!
//! It removes forged identities, verifies tokens, decides on which side a user is, forwards the request, and falls back on its own faults.
//! It holds no data. Start reading with `flow`; only `workers` knows the runtime.
//!
//! `entry.mjs` calls [`fetch`]. A panic in wasm spoils every request in flight in its isolate, so there is no panic path here: what can fail returns.
#![deny(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]
// That build has the gateway but does not call it.
#![cfg_attr(feature = "conformance", allow(dead_code))]

pub mod address;
pub mod answer;
pub mod authenticate;
pub mod body;
pub mod breakers;
pub mod browser_session;
pub mod caller;
pub mod changes;
pub mod config;
pub mod cors;
pub mod examination;
pub mod flow;
pub mod journal;
pub mod paths;
pub mod ports;
pub mod request;
pub mod scrub;
pub mod shadow;
pub mod telemetry;
pub mod trace;
pub mod users;
mod workers;

/// Runs test vectors in place of the gateway.
#[cfg(feature = "conformance")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub async fn fetch(request: web_sys::Request) -> Result<web_sys::Response, wasm_bindgen::JsValue> {
    workers::conformance::answer(request).await
}

/// Answers a request: returns the `Response`, or a promise of it.
///
/// Exported by hand, not by `worker::event`: that macro starts every request through a queue (`workers/task.rs` says what it
/// costs) and links a second set of response types.
///
/// # Errors
/// An exception of the runtime when even an answer of our own cannot be built.
#[cfg(not(feature = "conformance"))]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn fetch(
    request: web_sys::Request,
    env: worker::Env,
    context: worker::worker_sys::Context,
) -> Result<wasm_bindgen::JsValue, wasm_bindgen::JsValue> {
    workers::answer(request, env, context)
}
