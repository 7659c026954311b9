//! What a log says about one call.

use shared::ids::NormalizedEmail;
use shared::rollout::Bucket;
use shared::routing::Purpose;

/// A sign-in or a registration of the log.
pub struct Call {
    /// Where in the log, counted from 1.
    pub line: usize,
    /// Seconds since the epoch, where the log says so.
    pub at: Option<i64>,
    pub purpose: Purpose,
    pub who: Who,
}

/// What the log says about who it was.
pub enum Who {
    Email(NormalizedEmail),
    Bucket(Bucket),
    Unknown,
}
