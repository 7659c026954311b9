//! `auth.user_syncs` and `users.federation_status`: rows to synchronise with Firebase, and when.

use chrono::{DateTime, Utc};
use firebase::issuer::StoredIssuer;
use shared::ids::UserId;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

/// A user with a row to synchronise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The user.
    pub id: UserId,
    /// Their account.
    pub firebase_uid: String,
}

/// Takes at most `limit` active users with an account of `issuer` whose last attempt failed or was interrupted and who are due again. They
/// count as syncing now, and are due again after a pause that doubles with each attempt, from a minute to a day.
///
/// # Errors
/// The database's error.
pub async fn claim_failed(
    connection: &mut PgConnection,
    issuer: &StoredIssuer,
    limit: i64,
) -> sqlx::Result<Vec<Due>> {
    let rows = sqlx::query(include_str!("syncs/claim_failed.sql"))
        .bind(limit)
        .bind(issuer.as_str())
        .fetch_all(connection)
        .await?;
    rows.iter().map(due).collect()
}

/// Takes at most `limit` active users with an account of `issuer` who were not compared with Firebase since `before`.
///
/// # Errors
/// The database's error.
pub async fn claim_stale(
    connection: &mut PgConnection,
    issuer: &StoredIssuer,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Due>> {
    let rows = sqlx::query(include_str!("syncs/claim_stale.sql"))
        .bind(before)
        .bind(limit)
        .bind(issuer.as_str())
        .fetch_all(connection)
        .await?;
    rows.iter().map(due).collect()
}

/// Records that these could not be synchronised: they are retried later.
///
/// # Errors
/// The database's error.
pub async fn failed(connection: &mut PgConnection, ids: &[Uuid], code: &str) -> sqlx::Result<()> {
    sqlx::query(
        "WITH failed AS ( \
             UPDATE auth.users SET federation_status = 'failed' \
             WHERE id = ANY ($1) AND firebase_uid IS NOT NULL AND is_active RETURNING id \
         ) \
         INSERT INTO auth.user_syncs AS known (user_id, attempts, next_attempt_at, last_error) \
         SELECT id, 0, now() + interval '1 minute', $2 FROM failed \
         ON CONFLICT (user_id) DO UPDATE SET last_error = excluded.last_error",
    )
    .bind(ids)
    .bind(code)
    .execute(connection)
    .await
    .map(drop)
}

/// Puts back what was claimed and not tried: these are due at once and come before those that failed.
///
/// # Errors
/// The database's error.
pub async fn put_back(connection: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE auth.user_syncs SET attempts = greatest(attempts - 1, 0), next_attempt_at = now() WHERE user_id = ANY ($1)",
    )
    .bind(ids)
    .execute(connection)
    .await
    .map(drop)
}

/// Records that these are synchronised: nothing is pending any more.
///
/// # Errors
/// The database's error.
pub async fn settled(connection: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM auth.user_syncs WHERE user_id = ANY ($1)")
        .bind(ids)
        .execute(connection)
        .await
        .map(drop)
}

fn due(row: &PgRow) -> sqlx::Result<Due> {
    Ok(Due {
        id: UserId(row.try_get(0)?),
        firebase_uid: row.try_get(1)?,
    })
}
