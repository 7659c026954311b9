//! Sending a request on. The JavaScript request is handed over as it is; only addresses and header changes cross.

use std::cell::RefCell;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, Response};

use super::glue;
use crate::ports::{Answer, Forward, UpstreamFault, Upstreams};

/// One inbound request and its body.
pub(super) struct RequestUpstreams {
    request: Request,
    /// What is sent in place of the request's own body, once that has been read from.
    body: RefCell<JsValue>,
}

impl RequestUpstreams {
    pub fn new(request: Request) -> Self {
        Self {
            request,
            body: RefCell::new(JsValue::UNDEFINED),
        }
    }
}

impl Upstreams for RequestUpstreams {
    type Answer = Response;

    async fn peek_body(&self, limit: u32) -> Option<Vec<u8>> {
        let peeked: Array = glue::peek(&self.request, limit).await.ok()?.unchecked_into();
        self.body.replace(peeked.get(1));
        let bytes = peeked.get(0);
        (!bytes.is_undefined()).then(|| bytes.unchecked_into::<Uint8Array>().to_vec())
    }

    async fn send(&self, forward: &Forward<'_>) -> Result<Response, UpstreamFault> {
        let body = self.body.borrow().clone();
        let sent = glue::send(
            &self.request,
            forward.url,
            forward.changes.as_text(),
            &body,
            forward.timeout_ms,
        )
        .await
        .map_err(|_| UpstreamFault::Unreachable)?;
        match sent.as_f64() {
            None => Ok(sent.unchecked_into()),
            Some(1.0) => Err(UpstreamFault::Timeout),
            Some(_) => Err(UpstreamFault::Unreachable),
        }
    }
}

impl Answer for Response {
    fn status(&self) -> u16 {
        Response::status(self)
    }
}
