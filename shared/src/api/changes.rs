//! Users whose access has changed: what the origin tells the edge every few seconds.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where the origin says it. For the edge itself and for services, never for those who come through the edge: the edge's own
/// assertions for it have an audience of their own ([`crate::assertion::FEED_AUDIENCE`]).
pub const PATH: &str = "/v1/changes";

/// The users whose access has changed since a cursor. A change may come twice. A service that keeps account statuses forgets these users
/// and asks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// What to ask with next time.
    pub cursor: String,
    /// Everything that is kept is to be forgotten: there was no cursor, it is another database's, or too much has changed.
    pub reset: bool,
    /// The users. Empty with `reset`.
    pub people: Vec<Changed>,
}

/// A user whose access has changed, and what it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changed {
    /// Their id; a legacy token names them by it.
    pub id: Uuid,
    /// The uid by which Firebase tokens name them.
    pub firebase_uid: Option<String>,
    /// Whether they may act at all.
    pub is_active: bool,
    /// Sign-ins before this moment, in seconds since 1970, are void.
    pub valid_since: Option<i64>,
}
