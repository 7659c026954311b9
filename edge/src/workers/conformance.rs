//! The Worker of the conformance run: it takes test vectors and answers verdicts, by the engine that production uses. Built only with the
//! feature `conformance`, in place of the gateway.

use shared::conformance::{self, Case};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};

use super::glue;
use super::webcrypto::WebCrypto;

/// Answers a JSON list of cases with the list of their outcomes, in order.
///
/// # Errors
/// An exception of the runtime; 400 for anything but a list of cases.
pub async fn answer(request: Request) -> Result<Response, JsValue> {
    let text = JsFuture::from(request.text()?)
        .await?
        .as_string()
        .unwrap_or_default();
    let cases: Vec<Case> = match serde_json::from_str(&text) {
        Ok(cases) => cases,
        Err(error) => return glue::respond(400, "", error.to_string().as_bytes()),
    };
    let mut outcomes = Vec::with_capacity(cases.len());
    for case in &cases {
        outcomes.push(conformance::run(&WebCrypto, case).await);
    }
    let body = serde_json::to_vec(&outcomes).map_err(|error| JsValue::from_str(&error.to_string()))?;
    glue::respond(200, "content-type:application/json", &body)
}
