//! The answer to a call too many.

/// Not now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("called too often")]
pub struct SlowDown {
    /// Seconds until it would be answered, at least 1.
    pub retry_after: u32,
}
