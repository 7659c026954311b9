//! Moving at a sign-in, out of the bulk migration's way.

use shared::ids::UserId;
use sqlx::postgres::PgConnection;

/// Takes the lease of a person for a move at their sign-in, unless the bulk migration has it. Several sign-ins of one person share
/// it: they do the same thing, and each may be the one that gets through.
///
/// # Errors
/// What the database says.
pub async fn hold_for_sign_in(
    connection: &mut PgConnection,
    id: UserId,
    lease_seconds: i64,
) -> sqlx::Result<bool> {
    let held = sqlx::query(
        "INSERT INTO auth.user_migrations AS known (user_id, leased_by, lease_until) \
         VALUES ($1, 'sign-in', now() + make_interval(secs => $2)) \
         ON CONFLICT (user_id) DO UPDATE SET leased_by = excluded.leased_by, lease_until = excluded.lease_until \
         WHERE known.leased_by = 'sign-in' OR coalesce(known.lease_until < now(), true)",
    )
    .bind(id.0)
    .bind(lease_seconds)
    .execute(connection)
    .await?;
    Ok(held.rows_affected() == 1)
}

/// Whether this person has a Firebase account.
///
/// # Errors
/// What the database says.
pub async fn is_linked(connection: &mut PgConnection, id: UserId) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM auth.users WHERE id = $1 AND firebase_uid IS NOT NULL)")
        .bind(id.0)
        .fetch_one(connection)
        .await
}
