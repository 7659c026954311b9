//! The users that a bulk command reads.

use std::collections::BTreeMap;

use shared::ids::UserId;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use firebase::issuer::StoredIssuer;

/// A local user with the fields of an import. It carries a hash and is never shown.
#[derive(Clone)]
pub struct LocalUser {
    /// The user.
    pub id: UserId,
    /// Their address as stored.
    pub email: Option<String>,
    /// Their hash as stored.
    pub password_hash: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// Whether the address was ever verified.
    pub email_verified: bool,
    /// `false` once deactivated.
    pub is_active: bool,
    /// `user`, `admin`, …
    pub user_type: String,
}

impl std::fmt::Debug for LocalUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalUser")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl FromRow<'_, PgRow> for LocalUser {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: UserId(row.try_get("id")?),
            email: row.try_get("email")?,
            password_hash: row.try_get("password_hash")?,
            display_name: row.try_get("display_name")?,
            email_verified: row.try_get("email_verified")?,
            is_active: row.try_get("is_active")?,
            user_type: row.try_get("user_type")?,
        })
    }
}

/// Users without a Firebase account, after the id `after`, in the order of their ids.
///
/// # Errors
/// The database's error.
pub async fn local_users(
    connection: &mut PgConnection,
    after: Option<UserId>,
    limit: i64,
) -> sqlx::Result<Vec<LocalUser>> {
    sqlx::query_as(
        "SELECT id, email, password_hash, display_name, email_verified, is_active, user_type FROM auth.users \
         WHERE id > $1 AND firebase_uid IS NULL ORDER BY id LIMIT $2",
    )
    .bind(after.map_or(Uuid::nil(), |id| id.0))
    .bind(limit)
    .fetch_all(connection)
    .await
}

/// Users with an address that another user has too, apart from case or white space.
///
/// # Errors
/// The database's error.
pub async fn sharing_an_address(connection: &mut PgConnection) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(
        "SELECT unnest(array_agg(id)) FROM auth.users WHERE email IS NOT NULL \
         GROUP BY lower(btrim(email)) HAVING count(*) > 1",
    )
    .fetch_all(connection)
    .await
}

/// How many users are linked, by provider.
///
/// # Errors
/// The database's error.
pub async fn users_by_provider(connection: &mut PgConnection) -> sqlx::Result<BTreeMap<String, i64>> {
    let rows = sqlx::query_as("SELECT auth_provider, count(*) FROM auth.users GROUP BY auth_provider")
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().collect())
}

/// A linked user, with the fields to compare with the account.
#[derive(Clone)]
pub struct LinkedUser {
    /// The user.
    pub id: UserId,
    /// Their account.
    pub firebase_uid: String,
    /// Their address.
    pub email: Option<String>,
    /// `false` once deactivated.
    pub is_active: bool,
}

impl std::fmt::Debug for LinkedUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkedUser")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Users linked to accounts of `issuer`, after the id `after`, in the order of their ids. Closed accounts are left out: they have no
/// account any more, and keep the uid to let a token that is still good find a deactivated user.
///
/// # Errors
/// The database's error.
pub async fn linked_users(
    connection: &mut PgConnection,
    issuer: &StoredIssuer,
    after: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<LinkedUser>> {
    let rows = sqlx::query(
        "SELECT id, firebase_uid, email, is_active FROM auth.users \
         WHERE id > $1 AND firebase_uid IS NOT NULL AND firebase_issuer = $3 AND coalesce(is_active OR email !~ '^deleted_[0-9]+_', true) \
         ORDER BY id LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .bind(issuer.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(LinkedUser {
                id: UserId(row.try_get(0)?),
                firebase_uid: row.try_get(1)?,
                email: row.try_get(2)?,
                is_active: row.try_get(3)?,
            })
        })
        .collect()
}
