//! The revocation feed: the origin tells the edge every few seconds which users have a changed access.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The path of the feed. Only the edge itself and services may read it, never a caller who comes through the edge: the edge's own
/// assertions for it have an audience of their own ([`crate::assertion::FEED_AUDIENCE`]).
pub const PATH: &str = "/v1/changes";

/// The users with an access that has changed since a cursor. A change may come twice. A service that keeps account statuses forgets these
/// users and asks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// The cursor of the next question.
    pub cursor: String,
    /// Whether the reader must forget everything that it keeps: it sent no cursor, or the cursor of another database, or too much has
    /// changed.
    pub reset: bool,
    /// The users. Empty with `reset`.
    #[serde(rename = "people")]
    pub users: Vec<Changed>,
}

/// A user with changed access, and the access now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changed {
    /// The user's id; legacy tokens name the user by it.
    pub id: Uuid,
    /// The uid by which Firebase tokens name the user.
    pub firebase_uid: Option<String>,
    /// Whether the user may act at all.
    pub is_active: bool,
    /// Sign-ins before this moment, in seconds since 1970, are void.
    pub valid_since: Option<i64>,
}
