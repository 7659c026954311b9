//! `user` as both contracts show it. There is no field for the password hash, so no code path can leak one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A user, as callers see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// Our id.
    pub id: Uuid,
    /// Firebase uid, once linked.
    pub firebase_uid: Option<String>,
    /// E-mail address; users who came by phone or anonymously have none.
    pub email: Option<String>,
    /// Unique name, where the legacy service gave one.
    pub username: Option<String>,
    /// The name to show; not unique.
    pub display_name: Option<String>,
    /// `user`, `admin`, `superadmin` or `moderator`.
    pub user_type: String,
    /// `false` once deactivated.
    pub is_active: bool,
    /// Tokens that can be spent.
    pub token_balance: i64,
    /// `local`, `firebase` or `hybrid`.
    pub auth_provider: String,
    /// Whether Firebase calls the address verified.
    pub email_verified: bool,
    /// Photo URL.
    pub photo_url: Option<String>,
    /// Last sign-in (not last request).
    pub last_login: Option<DateTime<Utc>>,
    /// When the row of the user was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}
