//! `auth.migration_looks`: how far the preflight of a user import has come.

use shared::ids::UserId;
use sqlx::Row as _;
use sqlx::postgres::PgConnection;

/// The progress of a preflight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its share, in basis points.
    pub share: u16,
    /// All users up to this one are queued; `None` at the beginning.
    pub looked_to: Option<UserId>,
    /// Whether it has finished.
    pub is_finished: bool,
}

/// Records the start, or a new start, of a preflight.
///
/// # Errors
/// The database's error.
pub async fn begin(connection: &mut PgConnection, group: &str, share: u16) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO auth.migration_looks (rollout_group, share) VALUES ($1, $2) \
         ON CONFLICT (rollout_group, share) DO UPDATE SET looked_to = NULL, began_at = now(), finished_at = NULL",
    )
    .bind(group)
    .bind(i64::from(share))
    .execute(connection)
    .await
    .map(drop)
}

/// Records that all users up to `looked_to` are queued. Several processes may check at once: each has checked that far, or continued from
/// another one's record.
///
/// # Errors
/// The database's error.
pub async fn advance(
    connection: &mut PgConnection,
    group: &str,
    share: u16,
    looked_to: UserId,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE auth.migration_looks SET looked_to = $3 WHERE rollout_group = $1 AND share = $2")
        .bind(group)
        .bind(i64::from(share))
        .bind(looked_to.0)
        .execute(connection)
        .await
        .map(drop)
}

/// Records that all users are queued.
///
/// # Errors
/// The database's error.
pub async fn finish(connection: &mut PgConnection, group: &str, share: u16) -> sqlx::Result<()> {
    sqlx::query("UPDATE auth.migration_looks SET finished_at = now() WHERE rollout_group = $1 AND share = $2")
        .bind(group)
        .bind(i64::from(share))
        .execute(connection)
        .await
        .map(drop)
}

/// The last preflight of `group`, or the one for `share`.
///
/// # Errors
/// The database's error.
pub async fn latest(
    connection: &mut PgConnection,
    group: &str,
    share: Option<u16>,
) -> sqlx::Result<Option<Look>> {
    let row = sqlx::query(
        "SELECT share, looked_to, finished_at IS NOT NULL FROM auth.migration_looks \
         WHERE rollout_group = $1 AND ($2::bigint IS NULL OR share = $2) ORDER BY began_at DESC LIMIT 1",
    )
    .bind(group)
    .bind(share.map(i64::from))
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Look {
            share: u16::try_from(row.try_get::<i64, _>(0)?).unwrap_or(u16::MAX),
            looked_to: row.try_get::<Option<uuid::Uuid>, _>(1)?.map(UserId),
            is_finished: row.try_get(2)?,
        })
    })
    .transpose()
}
