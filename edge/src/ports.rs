//! What the outside world does for the flow. On Cloudflare: `workers/`; in tests: tables.

// The runtime has one thread, so nothing here needs to be `Send`.
#![allow(async_fn_in_trait)]

pub use shared::token::{Keys as KeySource, SignatureEngine};

use crate::changes::HeaderChanges;
use crate::journal::Entry;
use crate::paths::Limit;

/// Sends this request on. One instance belongs to one inbound request and holds its body.
pub trait Upstreams {
    /// An answer nobody has looked into.
    type Answer: Answer;

    /// The body, if it is at most `limit` bytes; a longer one stays unread and is streamed. What was read is sent on as it was.
    async fn peek_body(&self, limit: u32) -> Option<Vec<u8>>;

    /// Sends the request with `forward`'s changes and waits for the answer's headers.
    ///
    /// # Errors
    /// [`UpstreamFault`] when no answer came; an answer of any status is not a fault.
    async fn send(&self, forward: &Forward<'_>) -> Result<Self::Answer, UpstreamFault>;

    /// A copy of an answer's body, if it is at most `limit` bytes; the answer can still be handed on.
    async fn copy_of(&self, answer: &Self::Answer, limit: u32) -> Option<Vec<u8>>;

    /// Lets go of an answer that is not going to be used.
    fn discard(&self, answer: Self::Answer);

    /// Asks a service something on the edge's own account, and reads the whole answer: its status and at most 64 KiB of body.
    ///
    /// # Errors
    /// [`UpstreamFault`] when no answer came, or too much of one.
    async fn ask(&self, ask: &Ask<'_>) -> Result<(u16, Vec<u8>), UpstreamFault>;

    /// Whether one more call by `key` (the caller's address) is within `limit`. Counts it.
    async fn is_within(&self, limit: Limit, key: &str) -> bool;

    /// Whether all sign-ins are sent back for now, as far as is known; `false` where nobody keeps count.
    async fn is_stepped_down(&self) -> bool;
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
}

/// How a request is changed on its way.
#[derive(Debug, Clone, Copy)]
pub struct Forward<'a> {
    /// The whole address it goes to.
    pub url: &'a str,
    /// What changes on its headers.
    pub changes: &'a HeaderChanges,
    /// How long the answer may take to begin, in milliseconds.
    pub timeout_ms: u32,
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamFault {
    /// No connection, or it broke before the answer began.
    Unreachable,
    /// The answer did not begin in time.
    Timeout,
}

/// Takes one entry a request.
pub trait Journal {
    /// Writes `entry` down.
    fn record(&self, entry: &Entry<'_>);
}
