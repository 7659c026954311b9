//! The few functions of `glue.js`, `send.js` and `body.js`, typed.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, Response};

#[wasm_bindgen(module = "/src/workers/body.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub(super) async fn hold(request: &Request) -> Result<JsValue, JsValue>;

    pub(super) fn held(body: &JsValue, limit: u32) -> Option<Uint8Array>;

    #[wasm_bindgen(js_name = dropBody)]
    fn begin_to_drop_body(request: &Request, body: &JsValue) -> Option<Promise>;
}

#[wasm_bindgen(module = "/src/workers/send.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub(super) async fn send(
        request: &Request,
        message: &str,
        body: &JsValue,
        timeout_ms: u32,
        again: bool,
    ) -> Result<JsValue, JsValue>;

    pub(super) fn discard(response: &Response);
}

#[wasm_bindgen(module = "/src/workers/socket.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = relayMessages)]
    pub(super) fn relay_messages(
        response: &Response,
        changes: &str,
        replace: &JsValue,
        request: &Request,
        env: &JsValue,
        context: &JsValue,
        is_known: bool,
    ) -> Result<Response, JsValue>;
}

#[wasm_bindgen(module = "/src/workers/glue.js")]
extern "C" {
    #[wasm_bindgen(js_name = describe)]
    fn describe_to(request: &Request, room: &mut [u8]) -> i32;

    #[wasm_bindgen(catch)]
    pub(super) async fn ask(
        context: &JsValue,
        method: &str,
        url: &str,
        headers: &str,
        body: &str,
        timeout_ms: u32,
        limit: u32,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = isWithin)]
    pub(super) async fn is_within(binding: &JsValue, key: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn copy(response: &Response) -> Result<Response, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) async fn shadow(
        request: &Request,
        answer: &Response,
        message: &str,
        body: &JsValue,
        timeout_ms: u32,
        limit: u32,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) async fn exchange(
        context: &JsValue,
        namespace: &JsValue,
        variables: &str,
        report: &str,
        callers: &str,
        sightings: &str,
        sessions: &str,
        timeout_ms: u32,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) async fn steer(
        context: &JsValue,
        namespace: &JsValue,
        variables: &str,
        author: &str,
        change: &JsValue,
        timeout_ms: u32,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = requestHeader)]
    pub(super) fn request_header(request: &Request, name: &str) -> String;

    #[wasm_bindgen(js_name = variablesOf)]
    pub(super) fn variables_of(request: &Request) -> String;

    #[wasm_bindgen(js_name = callersOf)]
    pub(super) fn callers_of(request: &Request) -> String;

    #[wasm_bindgen(js_name = headerOf)]
    pub(super) fn header_of(response: &Response, name: &str) -> String;

    #[wasm_bindgen(catch)]
    pub(super) async fn load(storage: &JsValue, name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) async fn store(storage: &JsValue, name: &str, text: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = storeAll)]
    pub(super) async fn store_all(storage: &JsValue, entries: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = setAlarm)]
    pub(super) async fn set_alarm(storage: &JsValue, after_ms: u32) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = copyOf)]
    pub(super) async fn copy_of(response: &Response, limit: u32, timeout_ms: u32)
    -> Result<JsValue, JsValue>;

    pub(super) fn location(response: &Response) -> Option<String>;

    #[wasm_bindgen(catch)]
    pub(super) fn relay(response: &Response, changes: &str) -> Result<Response, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn respond(status: u16, headers: &str, body: &[u8]) -> Result<Response, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) async fn download(url: &str, timeout_ms: u32, limit: u32) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) async fn recall(name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) async fn keep(
        name: &str,
        bytes: &[u8],
        fetched_at: f64,
        fresh_for: f64,
        keep_for: f64,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) async fn pause(ms: u32) -> Result<JsValue, JsValue>;

    pub(super) fn random(length: u32) -> Uint8Array;

    #[wasm_bindgen(catch, js_name = importRs256)]
    pub(super) async fn import_rs256(jwk: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = verifyRs256)]
    pub(super) async fn verify_rs256(
        key: &JsValue,
        signature: &[u8],
        message: &[u8],
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn tell(
        dataset: &JsValue,
        context: &JsValue,
        index: &str,
        blobs: &str,
        doubles: &[f64],
    ) -> Result<(), JsValue>;

    pub(super) fn probe(url: &str, timeout_ms: u32, limit: u32) -> Promise;

    pub(super) fn log(level: &str, line: &str);
}

/// Reads the unused rest of the body of `request` to its end; `body` is the result of `hold`, or undefined. It waits for nothing where
/// there is no body.
pub(super) async fn drop_body(request: &Request, body: &JsValue) {
    if let Some(dropping) = begin_to_drop_body(request, body) {
        // A body that breaks here harms its sender alone.
        let _ = JsFuture::from(dropping).await;
    }
}

/// Room for most requests' descriptions, in bytes.
const DESCRIPTION_BYTES: usize = 4 * 1024;

/// Method, address and headers of `request` as one text; `None` if it is none, which the runtime never produces.
pub(super) fn describe(request: &Request) -> Option<String> {
    let mut room = vec![0; DESCRIPTION_BYTES];
    let mut written = describe_to(request, &mut room);
    if written < 0 {
        let more = usize::try_from(written.unsigned_abs()).ok()?;
        room.resize(room.len().saturating_add(more), 0);
        written = describe_to(request, &mut room);
    }
    room.truncate(usize::try_from(written).ok()?);
    String::from_utf8(room).ok()
}
