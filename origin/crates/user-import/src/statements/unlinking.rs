//! Unlinks users.

use sqlx::postgres::PgConnection;
use users::audit::Actor;
use uuid::Uuid;

/// Counts the users that can be unlinked, or tells whether `id` can. They were linked by a user import and still have their old hash.
///
/// # Errors
/// The database's error.
pub async fn count_unlinkable(connection: &mut PgConnection, id: Option<Uuid>) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "SELECT count(*) FROM auth.users \
         WHERE auth_provider = 'hybrid' AND firebase_uid = id::text AND ($1::uuid IS NULL OR id = $1)",
    )
    .bind(id)
    .fetch_one(connection)
    .await
}

/// Unlinks at most `limit` users, or `id`, and audits it: `unlink.sql`. Unless the accounts are kept, `holder` leases each user until the
/// account is deleted. Answers the users.
///
/// # Errors
/// The database's error.
pub async fn unlink(
    connection: &mut PgConnection,
    holder: &str,
    id: Option<Uuid>,
    limit: i64,
    lease_seconds: i64,
    keep_accounts: bool,
    actor: &Actor,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(include_str!("unlink.sql"))
        .bind(holder)
        .bind(id)
        .bind(limit)
        .bind(lease_seconds)
        .bind(keep_accounts)
        .bind(actor.as_str())
        .fetch_all(connection)
        .await
}

/// Unlinked users who have signed in again since keep their account.
///
/// # Errors
/// The database's error.
pub async fn settle_relinked(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE auth.user_migrations AS migration \
         SET state = 'done', result = 'elsewhere', leased_by = NULL, lease_until = NULL, updated_at = now() \
         FROM auth.users AS person \
         WHERE migration.state = 'unlinking' AND person.id = migration.user_id AND person.firebase_uid IS NOT NULL",
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Takes, or keeps, the leases of at most `limit` users with accounts that are still to be deleted. Answers the users.
///
/// # Errors
/// The database's error.
pub async fn claim_unlinking(
    connection: &mut PgConnection,
    holder: &str,
    id: Option<Uuid>,
    limit: i64,
    lease_seconds: i64,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "WITH next AS ( \
             SELECT user_id FROM auth.user_migrations \
             WHERE state = 'unlinking' AND ($2::uuid IS NULL OR user_id = $2) \
               AND (leased_by = $1 OR coalesce(lease_until < now(), true)) \
             ORDER BY user_id LIMIT $3 FOR UPDATE SKIP LOCKED \
         ) \
         UPDATE auth.user_migrations AS migration \
         SET leased_by = $1, lease_until = now() + make_interval(secs => $4), updated_at = now() \
         FROM next WHERE migration.user_id = next.user_id \
         RETURNING migration.user_id",
    )
    .bind(holder)
    .bind(id)
    .bind(limit)
    .bind(lease_seconds)
    .fetch_all(connection)
    .await
}

/// Renews the lease of a user before their account is deleted. `false` when another process has it by now, or the user is linked again.
///
/// # Errors
/// The database's error.
pub async fn prolong_unlinking(
    connection: &mut PgConnection,
    holder: &str,
    id: Uuid,
    lease_seconds: i64,
) -> sqlx::Result<bool> {
    let prolonged = sqlx::query(
        "UPDATE auth.user_migrations \
         SET lease_until = now() + make_interval(secs => $3), updated_at = now() \
         WHERE user_id = $2 AND state = 'unlinking' AND leased_by = $1 AND lease_until > now() \
           AND NOT EXISTS (SELECT FROM auth.users WHERE id = $2 AND firebase_uid IS NOT NULL)",
    )
    .bind(holder)
    .bind(id)
    .bind(lease_seconds)
    .execute(connection)
    .await?;
    Ok(prolonged.rows_affected() == 1)
}

/// How many accounts of unlinked users are still to be deleted, or whether that of `id` is.
///
/// # Errors
/// The database's error.
pub async fn count_unlinking(connection: &mut PgConnection, id: Option<Uuid>) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "SELECT count(*) FROM auth.user_migrations WHERE state = 'unlinking' AND ($1::uuid IS NULL OR user_id = $1)",
    )
    .bind(id)
    .fetch_one(connection)
    .await
}

/// The account is deleted: the user needs no further step.
///
/// # Errors
/// The database's error.
pub async fn unlinked(connection: &mut PgConnection, holder: &str, id: Uuid) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE auth.user_migrations \
         SET state = 'unlinked', result = 'deleted', leased_by = NULL, lease_until = NULL, updated_at = now() \
         WHERE user_id = $2 AND leased_by = $1",
    )
    .bind(holder)
    .bind(id)
    .execute(connection)
    .await
    .map(drop)
}
