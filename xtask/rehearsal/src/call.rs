//! What a log says about one call.

use shared::ids::NormalizedEmail;
use shared::rollout::Bucket;
use shared::routing::{Purpose, Side};

/// A sign-in or a registration of the log.
#[derive(Debug, Clone)]
pub struct Call {
    /// Where in the log, counted from 1.
    pub line: usize,
    /// Seconds since the epoch, where the log says so.
    pub at: Option<i64>,
    /// What was asked.
    pub purpose: Purpose,
    /// Who asked.
    pub who: Who,
    /// The side to which a list forced the user (`ROLLOUT_FORCE_V2`, `ROLLOUT_FORCE_LEGACY`), where the log says so.
    pub on_list: Option<Side>,
}

/// What the log says about who it was.
#[derive(Debug, Clone)]
pub enum Who {
    /// The address.
    Email(NormalizedEmail),
    /// The bucket alone.
    Bucket(Bucket),
    /// Nothing: the edge sends them to the legacy service.
    Unknown,
}

/// The calls of a log, and how many of its lines were none.
#[derive(Debug, Default)]
pub struct Calls {
    /// The calls.
    pub calls: Vec<Call>,
    /// The other lines.
    pub skipped: usize,
}
