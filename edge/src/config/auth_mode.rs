//! Whether a service needs to know its callers (`auth` in `UPSTREAMS`).

use serde::Deserialize;

/// Whether the callers of a service must be known; the strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// A good token, or 401.
    Required,
    /// A good token or none.
    Optional,
    /// The service authenticates its callers itself: `Authorization` is forwarded unread.
    None,
}
