//! Forwards a request. The JavaScript request is handed over unchanged; only addresses and header changes cross.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use shared::fallback::{BodyFault, Dependency};
use shared::headers;
use shared::routing::Policy;
use shared::steering::Answered;
use shared::time::UnixTime;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, Response};
use worker::{Context, Env};

use super::clock::now_ms;
use super::glue;
use super::watch::Watch;
use crate::ports::{Answer, Ask, Body, Count, Forward, UpstreamFault, Upstreams};

/// The most bytes read of an answer to a question of our own.
const MAX_ANSWER_BYTES: u32 = 64 * 1024;

/// One inbound request and its body.
pub(super) struct RequestUpstreams<'a> {
    request: Request,
    env: &'a Env,
    watch: &'a Watch,
    context: &'a Context,
    /// The result of `hold` for the request's own body: undefined until it was called.
    body: RefCell<JsValue>,
}

impl<'a> RequestUpstreams<'a> {
    pub fn new(request: Request, env: &'a Env, watch: &'a Watch, context: &'a Context) -> Self {
        Self {
            request,
            env,
            watch,
            context,
            body: RefCell::new(JsValue::UNDEFINED),
        }
    }

    /// For a request that is not forwarded: reads the body to its end, so that the connection can be used again.
    pub async fn drop_body(&self) {
        let body = self.body.borrow().clone();
        glue::drop_body(&self.request, &body).await;
    }

    /// The request, and what is sent in place of its body.
    pub fn into_parts(self) -> (Request, JsValue) {
        (self.request, self.body.into_inner())
    }
}

impl Upstreams for RequestUpstreams<'_> {
    type Answer = Response;

    async fn read_body(&self) -> Result<Body, BodyFault> {
        if self.body.borrow().is_undefined() {
            let body = glue::hold(&self.request).await.map_err(|_| BodyFault::Broken)?;
            if let Some(UpstreamFault::Body(fault)) = body.as_f64().map(fault_of) {
                return Err(fault);
            }
            self.body.replace(body);
        }
        let body = self.body.borrow();
        let is_whole = body.is_null() || body.is_instance_of::<Uint8Array>();
        Ok(if is_whole { Body::Whole } else { Body::Begun })
    }

    fn body(&self, limit: u32) -> Option<Vec<u8>> {
        glue::held(&self.body.borrow(), limit).map(|bytes| bytes.to_vec())
    }

    fn replace_body(&self, body: &[u8]) {
        self.body.replace(Uint8Array::from(body).into());
    }

    async fn send(&self, forward: &Forward<'_>) -> Result<Response, UpstreamFault> {
        let body = self.body.borrow().clone();
        let sent = glue::send(
            &self.request,
            &forward.changes.behind(forward.url),
            &body,
            forward.timeout_ms,
            forward.repeatable,
        )
        .await
        .map_err(|_| UpstreamFault::Unsendable)?;
        match sent.as_f64() {
            None => Ok(sent.unchecked_into()),
            Some(fault) => Err(fault_of(fault)),
        }
    }

    async fn copy_of(&self, answer: &Response, limit: u32, timeout_ms: u32) -> Option<Vec<u8>> {
        let bytes = glue::copy_of(answer, limit, timeout_ms).await.ok()?;
        Some(bytes.unchecked_into::<Uint8Array>().to_vec())
    }

    fn discard(&self, answer: Response) {
        glue::discard(&answer);
    }

    async fn ask(&self, ask: &Ask<'_>) -> Result<(u16, Vec<u8>), UpstreamFault> {
        let answer: Array = glue::ask(
            self.context.as_ref(),
            ask.method,
            ask.url,
            ask.headers.as_text(),
            ask.body,
            ask.timeout_ms,
            MAX_ANSWER_BYTES,
        )
        .await
        .map_err(|fault| fault_of(fault.as_f64().unwrap_or_default()))?
        .unchecked_into();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the runtime's statuses are 200 to 599"
        )]
        let status = answer.get(0).as_f64().unwrap_or_default() as u16;
        Ok((status, answer.get(1).unchecked_into::<Uint8Array>().to_vec()))
    }

    async fn count(&self, binding: &str, key: &str) -> Count {
        let binding = js_sys::Reflect::get(self.env, &JsValue::from_str(binding));
        let Some(binding) = binding.ok().filter(|binding| binding.is_object()) else {
            return Count::Within;
        };
        let within = glue::is_within(&binding, key).await;
        match within.ok().and_then(|within| within.as_bool()) {
            Some(true) => Count::Within,
            Some(false) => Count::Over,
            None => Count::Failed,
        }
    }

    async fn is_stepped_down(&self) -> bool {
        self.watch.is_stepped_down(self.context).await
    }

    fn overridden(&self, base: &Policy, now: UnixTime) -> Option<Rc<Policy>> {
        self.watch.overridden(base, now)
    }

    async fn steer(&self, author: &str, change: Option<&str>) -> Option<Answered> {
        self.watch.steer(self.context, author, change).await
    }

    fn now_ms(&self) -> u64 {
        now_ms()
    }
}

/// The numbers of `body.js`.
fn fault_of(number: f64) -> UpstreamFault {
    // The numbers are small whole numbers.
    match number.round() {
        1.0 => UpstreamFault::Timeout,
        2.0 => UpstreamFault::Interrupted,
        3.0 => UpstreamFault::Unusable,
        4.0 => UpstreamFault::Unsendable,
        5.0 => UpstreamFault::Body(BodyFault::Broken),
        6.0 => UpstreamFault::Body(BodyFault::Stalled),
        7.0 => UpstreamFault::UploadLate,
        _ => UpstreamFault::Unreachable,
    }
}

impl Answer for Response {
    fn status(&self) -> u16 {
        Response::status(self)
    }

    fn location(&self) -> Option<String> {
        glue::location(self)
    }

    fn lacks(&self) -> Option<Dependency> {
        Dependency::parse(&glue::header_of(self, headers::DEPENDENCY))
    }
}
