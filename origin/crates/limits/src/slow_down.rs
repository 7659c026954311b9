//! The answer to a caller over its limit.

/// The call is refused for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("called too often")]
pub struct SlowDown {
    /// Seconds until the call would be accepted, at least 1.
    pub retry_after: u32,
}
