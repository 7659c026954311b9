//! `auth.auth_events`, the audit trail: who did what to whom, when and from where.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared::ids::UserId;
use shared::time::UnixTime;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row as _};

/// Where a request came from, for the audit trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestSource {
    /// The client's address, as the edge saw it.
    pub source_ip: Option<IpAddr>,
    /// The request's name.
    pub request_id: Option<String>,
}

impl RequestSource {
    /// The address as the statements take it.
    pub(crate) fn source_ip_text(&self) -> Option<String> {
        self.source_ip.map(|address| address.to_string())
    }
}

/// Who did it: `user`, `origin`, `service:<name>` or `cli:<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(String);

impl Actor {
    /// The user themself.
    #[must_use]
    pub fn user() -> Self {
        Self("user".to_owned())
    }

    /// The service by itself.
    #[must_use]
    pub fn origin() -> Self {
        Self("origin".to_owned())
    }

    /// One of our services.
    #[must_use]
    pub fn service(name: &str) -> Self {
        Self(format!("service:{name}"))
    }

    /// Somebody at the command line, cut to what the column holds.
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

    /// The text that is stored.
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
    /// What: a dotted name.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// From where.
    pub source_ip: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What else is known.
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

/// Notes that something happened to somebody, for what leaves no other trace in the database.
///
/// # Errors
/// What the database says.
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

/// Whether somebody changed their password after the second `moment`.
///
/// # Errors
/// What the database says.
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
/// What the database says.
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
