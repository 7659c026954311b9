//! `auth.ownership_notices`: changes of ownership that the operator's mailer does not know yet. A trigger writes them.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

/// A change to report.
#[derive(Debug)]
pub struct Notice {
    /// The event in the audit trail.
    pub event: i64,
    /// The user with the new ownership.
    pub user: Uuid,
    /// The row's current address; `None` if there is no address to mail.
    pub email: Option<String>,
    /// When it changed.
    pub at: DateTime<Utc>,
    /// The proof of the address, as in the trail (`by`).
    pub by: Option<String>,
    /// What happened to the legacy password, as in the trail.
    pub legacy_password: Option<String>,
}

impl FromRow<'_, PgRow> for Notice {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            event: row.try_get(0)?,
            user: row.try_get(1)?,
            email: row.try_get(2)?,
            at: row.try_get(3)?,
            by: row.try_get(4)?,
            legacy_password: row.try_get(5)?,
        })
    }
}

/// Takes the notice that is due first, and sets the time of the next attempt: a pause that doubles, from a minute to an hour.
///
/// # Errors
/// The database's error.
pub async fn claim(connection: &mut PgConnection) -> sqlx::Result<Option<Notice>> {
    sqlx::query_as(
        "WITH next AS ( \
             SELECT event_id FROM auth.ownership_notices WHERE next_attempt_at <= now() \
             ORDER BY next_attempt_at, event_id LIMIT 1 FOR UPDATE SKIP LOCKED \
         ), \
         taken AS ( \
             UPDATE auth.ownership_notices AS notice \
             SET attempts = notice.attempts + 1, \
                 next_attempt_at = now() + least(interval '1 minute' * 2 ^ least(notice.attempts, 6), interval '1 hour') \
             FROM next WHERE notice.event_id = next.event_id RETURNING notice.event_id \
         ) \
         SELECT event.id, event.user_id, person.email, event.at, event.details ->> 'by', event.details ->> 'legacy_password' \
         FROM taken JOIN auth.auth_events AS event ON event.id = taken.event_id \
         LEFT JOIN auth.users AS person ON person.id = event.user_id",
    )
    .fetch_optional(connection)
    .await
}

/// Removes the notice; `kind` gives the reason for the audit trail, if the trail must show it.
///
/// # Errors
/// The database's error.
pub async fn settle(connection: &mut PgConnection, notice: &Notice, kind: Option<&str>) -> sqlx::Result<()> {
    sqlx::query(
        "WITH settled AS (DELETE FROM auth.ownership_notices WHERE event_id = $1 RETURNING event_id) \
         INSERT INTO auth.auth_events (kind, actor, user_id, details) \
         SELECT $3, 'origin', $2, jsonb_build_object('event', event_id) FROM settled WHERE $3::text IS NOT NULL",
    )
    .bind(notice.event)
    .bind(notice.user)
    .bind(kind)
    .execute(connection)
    .await
    .map(drop)
}

/// Records why the mailer could not be notified.
///
/// # Errors
/// The database's error.
pub async fn failed(connection: &mut PgConnection, event: i64, error: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE auth.ownership_notices SET last_error = $2 WHERE event_id = $1")
        .bind(event)
        .bind(error)
        .execute(connection)
        .await
        .map(drop)
}

/// Removes notices of events before `moment`, and those without their event.
///
/// # Errors
/// The database's error.
pub async fn forget(connection: &mut PgConnection, moment: DateTime<Utc>) -> sqlx::Result<u64> {
    sqlx::query(
        "DELETE FROM auth.ownership_notices AS notice WHERE NOT EXISTS ( \
             SELECT FROM auth.auth_events WHERE id = notice.event_id AND at >= $1 \
         )",
    )
    .bind(moment)
    .execute(connection)
    .await
    .map(|done| done.rows_affected())
}
