//! Leases of users, which keep sign-ins, user imports and erasures apart.

use shared::ids::UserId;
use sqlx::postgres::PgConnection;

/// Takes the lease of a user for `holder`, unless another holder has it. Answers whether `holder` has it now.
///
/// # Errors
/// The database's error.
pub async fn hold(
    connection: &mut PgConnection,
    id: UserId,
    holder: &str,
    lease_seconds: i64,
) -> sqlx::Result<bool> {
    let held = sqlx::query(
        "INSERT INTO auth.user_migrations AS known (user_id, leased_by, lease_until) \
         VALUES ($1, $3, now() + make_interval(secs => $2)) \
         ON CONFLICT (user_id) DO UPDATE SET leased_by = excluded.leased_by, lease_until = excluded.lease_until \
         WHERE known.leased_by = excluded.leased_by OR coalesce(known.lease_until < now(), true)",
    )
    .bind(id.0)
    .bind(lease_seconds)
    .bind(holder)
    .execute(connection)
    .await?;
    Ok(held.rows_affected() == 1)
}

/// Releases the lease of `holder`, if it still has it.
///
/// # Errors
/// The database's error.
pub async fn let_go(connection: &mut PgConnection, id: UserId, holder: &str) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE auth.user_migrations SET leased_by = NULL, lease_until = NULL WHERE user_id = $1 AND leased_by = $2",
    )
    .bind(id.0)
    .bind(holder)
    .execute(connection)
    .await
    .map(drop)
}

/// Records that this user's password is right but Firebase does not accept it: the user must choose another one.
///
/// # Errors
/// The database's error.
pub async fn mark_reset_needed(connection: &mut PgConnection, id: UserId) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO auth.user_migrations AS known (user_id, result) VALUES ($1, 'RESET_NEEDED') \
         ON CONFLICT (user_id) DO UPDATE SET result = excluded.result, updated_at = now() \
         WHERE known.result IS DISTINCT FROM excluded.result",
    )
    .bind(id.0)
    .execute(connection)
    .await
    .map(drop)
}

/// Whether this user has a Firebase account.
///
/// # Errors
/// The database's error.
pub async fn is_linked(connection: &mut PgConnection, id: UserId) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM auth.users WHERE id = $1 AND firebase_uid IS NOT NULL)")
        .bind(id.0)
        .fetch_one(connection)
        .await
}
