//! The edge replaces tokens in the messages of these WebSockets. `socket.js` passes messages on, and brings those here that may be CONNECT
//! packets.

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, Response};
use worker::{Context, Env, worker_sys};

use super::clock::now_ms;
use super::keys::RequestKeys;
use super::upstream::RequestUpstreams;
use super::{gateway, glue, isolate, journal, task};
use crate::request::Inbound;

type Replace = dyn Fn(Request, Env, worker_sys::Context, String, bool) -> Result<JsValue, JsValue>;

thread_local! {
    /// One for all connections of the isolate: a closure of each connection's own would never be freed.
    static REPLACE: JsValue = Closure::<Replace>::new(|request, env, context, packet, is_known| {
        task::run(async move { Ok(replace(request, &env, context, (packet, is_known)).await.into()) })
    })
    .into_js_value();
}

/// Hands on `answer`, which opens a WebSocket, through the edge.
pub(super) fn relay(
    answer: &Response,
    headers: &str,
    request: &Request,
    (env, context): (&Env, &Context),
    is_known: bool,
) -> Result<Response, JsValue> {
    REPLACE.with(|replace| {
        let (env, context) = (env.unchecked_ref(), context.as_ref());
        glue::relay_messages(answer, headers, replace, request, env, context, is_known)
    })
}

/// The packet for the service (`40…`), the client's refusal (`44…`), or an empty text for an outage.
async fn replace(
    request: Request,
    env: &Env,
    context: worker_sys::Context,
    (packet, is_known): (String, bool),
) -> String {
    let context = Context::new(context);
    let started_ms = now_ms();
    let description = glue::describe(&request).unwrap_or_default();
    let isolate = isolate::of(env);
    let (Some(inbound), Ok(isolate)) = (Inbound::parse(&description), isolate.as_ref()) else {
        return String::new();
    };
    let keys = RequestKeys::new(&isolate.keys, &context);
    let upstreams = RequestUpstreams::new(request, env, &isolate.watch, &context);
    let seed = isolate.entropy.seed();
    let replaced = gateway(isolate, &keys)
        .replace_token(&inbound, &upstreams, &seed, (&packet, is_known))
        .await;
    let status = replaced
        .packet
        .as_ref()
        .map_or_else(|refused| refused.status, |_| 101);
    journal::record(&replaced.notes, &inbound, status, started_ms, isolate, &context);
    replaced
        .packet
        .unwrap_or_else(|refused| refused.answer.unwrap_or_default())
}
