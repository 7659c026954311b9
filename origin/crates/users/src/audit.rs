//! `auth.auth_events`, the audit trail: the actor, the action, the user, the time and the source.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared::ids::UserId;
use shared::time::UnixTime;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row as _};

/// The source of a request, for the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestSource {
    /// The client's address, as the edge saw it.
    pub source_ip: Option<IpAddr>,
    /// The request's id.
    pub request_id: Option<String>,
}

impl RequestSource {
    /// The address in the form of the statements' argument.
    pub(crate) fn source_ip_text(&self) -> Option<String> {
        self.source_ip.map(|address| address.to_string())
    }
}

/// The actor: `user`, `origin`, `service:<name>` or `cli:<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(String);

impl Actor {
    /// The users themselves.
    #[must_use]
    pub fn user() -> Self {
        Self("user".to_owned())
    }

    /// The origin itself.
    #[must_use]
    pub fn origin() -> Self {
        Self("origin".to_owned())
    }

    /// One of our services.
    #[must_use]
    pub fn service(name: &str) -> Self {
        Self(format!("service:{name}"))
    }

    /// An operator at the command line; the name is cut to the column's length.
    #[must_use]
    pub fn cli(name: &str) -> Self {
        Self(format!(
            "cli:{}",
            name.chars()
                .filter(|c| !c.is_control())
                .take(100)
                .collect::<String>()
        ))
    }

    /// The stored text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number in the whole trail.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Its kind: a dotted name.
    pub kind: String,
    /// The actor.
    pub actor: String,
    /// The source address.
    pub source_ip: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// Further details.
    pub details: Value,
}

impl FromRow<'_, PgRow> for Event {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get(0)?,
            at: row.try_get(1)?,
            kind: row.try_get(2)?,
            actor: row.try_get(3)?,
            source_ip: row.try_get(4)?,
            request_id: row.try_get(5)?,
            details: row.try_get(6)?,
        })
    }
}

/// Records an event that leaves no other trace in the database.
///
/// # Errors
/// The database's error.
pub async fn note(
    connection: &mut PgConnection,
    kind: &str,
    user: UserId,
    actor: &Actor,
    source: &RequestSource,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id) VALUES ($1, $2, $3, $4::text::inet, $5)",
    )
    .bind(kind)
    .bind(actor.as_str())
    .bind(user.0)
    .bind(source.source_ip_text())
    .bind(source.request_id.as_deref())
    .execute(connection)
    .await
    .map(drop)
}

/// Whether the user changed their password after the second `moment`.
///
/// # Errors
/// The database's error.
pub async fn password_changed_since(
    connection: &mut PgConnection,
    user: UserId,
    moment: UnixTime,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM auth.auth_events \
         WHERE user_id = $1 AND kind = 'password.changed' AND at >= to_timestamp($2) + interval '1 second')",
    )
    .bind(user.0)
    .bind(moment.secs())
    .fetch_one(connection)
    .await
}

/// The latest events of a user, newest first, older than the event `before`.
///
/// # Errors
/// The database's error.
pub async fn of_user(
    connection: &mut PgConnection,
    user: UserId,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as(
        "SELECT id, at, kind, actor, host(source_ip), request_id, details FROM auth.auth_events \
         WHERE user_id = $1 AND id < coalesce($2, 9223372036854775807) ORDER BY id DESC LIMIT $3",
    )
    .bind(user.0)
    .bind(before)
    .bind(limit)
    .fetch_all(connection)
    .await
}
