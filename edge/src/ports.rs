//! The services of the outside world that the flow uses. On Cloudflare `workers/` provides them; in tests, tables do.

// The runtime has one thread, so nothing here needs to be `Send`.
#![allow(async_fn_in_trait)]

pub use shared::token::{Keys as KeySource, SignatureEngine};

use std::rc::Rc;

use shared::fallback::{BodyFault, Dependency};
use shared::routing::Policy;
use shared::steering::Answered;
use shared::time::UnixTime;

use crate::changes::HeaderChanges;
use crate::journal::Entry;

/// Forwards this request. One instance belongs to one inbound request and holds its body.
pub trait Upstreams {
    /// An answer with an unread body.
    type Answer: Answer;

    /// Reads the body's beginning, at its sender's pace and within limits; a second call reads nothing. The flow calls it before it sends
    /// anything, so that a body that breaks or never comes affects its sender alone, and before it first waits for work that other requests
    /// share.
    ///
    /// # Errors
    /// [`BodyFault`]: what the sender did.
    async fn read_body(&self) -> Result<Body, BodyFault>;

    /// The bytes of a body that was read whole, if they are at most `limit`. The body is still forwarded.
    fn body(&self, limit: u32) -> Option<Vec<u8>>;

    /// From now on `body` is sent in place of the request's own, which was read whole.
    fn replace_body(&self, body: &[u8]);

    /// Sends the request with `forward`'s changes and waits for the answer's headers.
    ///
    /// # Errors
    /// [`UpstreamFault`] when no answer came; an answer of any status is not a fault.
    async fn send(&self, forward: &Forward<'_>) -> Result<Self::Answer, UpstreamFault>;

    /// A copy of an answer's body, if it is at most `limit` bytes and comes within `timeout_ms`; the answer can still be handed on.
    async fn copy_of(&self, answer: &Self::Answer, limit: u32, timeout_ms: u32) -> Option<Vec<u8>>;

    /// Releases an answer that will not be used.
    fn discard(&self, answer: Self::Answer);

    /// Sends a service a question of the edge's own, and reads the whole answer: its status and at most 64 KiB of body.
    ///
    /// # Errors
    /// [`UpstreamFault`] when no answer came, or one that is too long.
    async fn ask(&self, ask: &Ask<'_>) -> Result<(u16, Vec<u8>), UpstreamFault>;

    /// Counts one more call by `key` with the rate-limiting binding called `binding`.
    async fn count(&self, binding: &str, key: &str) -> Count;

    /// Whether all sign-ins are sent back for now, as far as the isolate knows; `false` without a Durable Object.
    async fn is_stepped_down(&self) -> bool;

    /// The policy that an operator's override makes of `base`, as far as the isolate knows. Call it after
    /// [`is_stepped_down`](Self::is_stepped_down), which learns of both.
    fn overridden(&self, base: &Policy, now: UnixTime) -> Option<Rc<Policy>>;

    /// Asks the Durable Object that keeps the overrides to take `change` for the service `author`, or to show its state. `None` without
    /// that object, or when it does not answer.
    async fn steer(&self, author: &str, change: Option<&str>) -> Option<Answered>;

    /// A clock for durations, in milliseconds.
    fn now_ms(&self) -> u64;
}

/// How much of a request's body there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// All of it, or there is none: it can be sent any number of times.
    Whole,
    /// The beginning: the rest is passed on as it comes, once.
    Begun,
}

/// A counter's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// The call is within the limit, or nothing counts.
    Within,
    /// It is one too many.
    Over,
    /// The counter did not answer.
    Failed,
}

/// A question of the edge's own.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The method.
    pub method: &'a str,
    /// The whole address.
    pub url: &'a str,
    /// Its headers.
    pub headers: &'a HeaderChanges,
    /// Its body; empty for none.
    pub body: &'a str,
    /// How long the whole answer may take, in milliseconds.
    pub timeout_ms: u32,
}

/// An answer from behind the edge.
pub trait Answer {
    /// Its HTTP status.
    fn status(&self) -> u16;

    /// Its `Location` header.
    fn location(&self) -> Option<String>;

    /// The dependency that its sender lacks ([`shared::headers::DEPENDENCY`]). The flow believes only v2.
    fn lacks(&self) -> Option<Dependency>;
}

/// How a forwarded request differs from the received one.
#[derive(Debug, Clone, Copy)]
pub struct Forward<'a> {
    /// The whole address to which it goes.
    pub url: &'a str,
    /// The changes of its headers.
    pub changes: &'a HeaderChanges,
    /// How long the answer may take to begin once the body is out, in milliseconds.
    pub timeout_ms: u32,
    /// Whether a connection that breaks before the answer is tried once more: sending the request twice must have the same effect as
    /// sending it once.
    pub repeatable: bool,
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamFault {
    /// No connection, or it broke before the answer began.
    Unreachable,
    /// The answer did not begin in time.
    Timeout,
    /// The connection broke during or after a body of more than 4 KiB.
    Interrupted,
    /// The answer to such a body did not begin in time.
    UploadLate,
    /// The service sent something that is no HTTP answer.
    Unusable,
    /// The request cannot be sent as its caller made it: a GET with a body.
    Unsendable,
    /// The caller's body did not come.
    Body(BodyFault),
}

/// Takes one entry a request.
pub trait Journal {
    /// Records `entry`.
    fn record(&self, entry: &Entry<'_>);
}
