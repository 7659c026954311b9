//! `auth.standing_pushes`: users with an account status that Firebase does not know yet.
//!
//! A trigger writes them. This module takes them, and settles them once Firebase has been notified.

use firebase::issuer::StoredIssuer;
use shared::ids::UserId;
use shared::time::UnixTime;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

/// A pending notification that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The user.
    pub id: UserId,
    /// Whether the notification also disables or enables the account.
    pub switches: bool,
    /// Whether it also gives the account the row's address: another writer than Firebase has changed the address.
    pub moves_address: bool,
    /// The transaction that requested it.
    pub wanted_in: String,
}

/// A linked user's account status, as their row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStatus {
    /// Their account.
    pub firebase_uid: String,
    /// `false` once deactivated.
    pub is_active: bool,
    /// Sign-ins before this moment are void.
    pub valid_since: Option<UnixTime>,
    /// `user`, or a role.
    pub user_type: String,
    /// The address.
    pub email: Option<String>,
}

/// Takes the notification of one user, due or not, or at most `limit` that are due (`claim.sql`). No other process takes them for
/// `lease_seconds`.
///
/// # Errors
/// The database's error.
pub async fn claim(
    connection: &mut PgConnection,
    id: Option<UserId>,
    limit: i64,
    lease_seconds: i64,
) -> sqlx::Result<Vec<Push>> {
    let rows = sqlx::query(include_str!("pushes/claim.sql"))
        .bind(id.map(|id| id.0))
        .bind(limit)
        .bind(lease_seconds)
        .fetch_all(connection)
        .await?;
    rows.iter().map(push).collect()
}

/// The row's account status; `None` for a user who is gone or has no account of `issuer`.
///
/// # Errors
/// The database's error.
pub async fn account_status(
    connection: &mut PgConnection,
    id: UserId,
    issuer: &StoredIssuer,
) -> sqlx::Result<Option<AccountStatus>> {
    let row = sqlx::query(
        "SELECT firebase_uid, is_active, floor(extract(epoch FROM valid_since))::bigint, user_type, email FROM auth.users \
         WHERE id = $1 AND firebase_uid IS NOT NULL AND firebase_issuer = $2",
    )
    .bind(id.0)
    .bind(issuer.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(AccountStatus {
            firebase_uid: row.try_get(0)?,
            is_active: row.try_get(1)?,
            valid_since: row.try_get::<Option<i64>, _>(2)?.map(UnixTime::from_secs),
            user_type: row.try_get(3)?,
            email: row.try_get(4)?,
        })
    })
    .transpose()
}

/// Records that Firebase was notified (`settle.sql`). `false` when the row was changed again meanwhile.
///
/// # Errors
/// The database's error.
pub async fn settle(connection: &mut PgConnection, push: &Push) -> sqlx::Result<bool> {
    let settled = sqlx::query(include_str!("pushes/settle.sql"))
        .bind(push.id.0)
        .bind(&push.wanted_in)
        .fetch_optional(connection)
        .await?;
    Ok(settled.is_some())
}

/// Removes the notification: there is no account to notify.
///
/// # Errors
/// The database's error.
pub async fn forget(connection: &mut PgConnection, push: &Push) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM auth.standing_pushes WHERE user_id = $1 AND wanted_in = $2::text::xid8")
        .bind(push.id.0)
        .bind(&push.wanted_in)
        .execute(connection)
        .await
        .map(drop)
}

/// Returns it for other processes to take.
///
/// # Errors
/// The database's error.
pub async fn release(connection: &mut PgConnection, id: UserId) -> sqlx::Result<()> {
    sqlx::query("UPDATE auth.standing_pushes SET leased_until = NULL WHERE user_id = $1")
        .bind(id.0)
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
        "UPDATE auth.standing_pushes \
         SET leased_until = NULL, attempts = greatest(attempts - 1, 0), next_attempt_at = now() WHERE user_id = ANY ($1)",
    )
    .bind(ids)
    .execute(connection)
    .await
    .map(drop)
}

/// Records that Firebase could not be notified: the retry comes at the time that the claim has set.
///
/// # Errors
/// The database's error.
pub async fn failed(connection: &mut PgConnection, ids: &[Uuid], code: &str) -> sqlx::Result<()> {
    sqlx::query(
        "WITH waiting AS ( \
             SELECT id FROM auth.users WHERE id = ANY ($1) AND firebase_uid IS NOT NULL ORDER BY id FOR UPDATE \
         ), \
         marked AS ( \
             UPDATE auth.users AS person SET federation_status = 'failed' FROM waiting WHERE person.id = waiting.id \
         ) \
         UPDATE auth.standing_pushes AS push SET leased_until = NULL, last_error = $2 \
         FROM waiting WHERE push.user_id = waiting.id",
    )
    .bind(ids)
    .bind(code)
    .execute(connection)
    .await
    .map(drop)
}

/// Whether a notification of this user is pending.
///
/// # Errors
/// The database's error.
pub async fn is_pending(connection: &mut PgConnection, id: UserId) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM auth.standing_pushes WHERE user_id = $1)")
        .bind(id.0)
        .fetch_one(connection)
        .await
}

/// Requests another notification of the row's state, without a change of the row.
///
/// # Errors
/// The database's error.
pub async fn mark_pending(connection: &mut PgConnection, id: UserId) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO auth.standing_pushes (user_id, switches) VALUES ($1, true) \
         ON CONFLICT (user_id) DO UPDATE \
         SET switches = true, wanted_in = pg_current_xact_id(), attempts = 0, next_attempt_at = now()",
    )
    .bind(id.0)
    .execute(connection)
    .await
    .map(drop)
}

/// Requests a notification of every linked user's role. Answers their number.
///
/// # Errors
/// The database's error.
pub async fn mark_roles_pending(connection: &mut PgConnection) -> sqlx::Result<u64> {
    sqlx::query(
        "INSERT INTO auth.standing_pushes (user_id, switches) \
         SELECT id, false FROM auth.users WHERE user_type <> 'user' AND firebase_uid IS NOT NULL \
         ON CONFLICT (user_id) DO UPDATE SET wanted_in = pg_current_xact_id(), attempts = 0, next_attempt_at = now()",
    )
    .execute(connection)
    .await
    .map(|done| done.rows_affected())
}

fn push(row: &PgRow) -> sqlx::Result<Push> {
    Ok(Push {
        id: UserId(row.try_get(0)?),
        switches: row.try_get(1)?,
        moves_address: row.try_get(2)?,
        wanted_in: row.try_get(3)?,
    })
}
