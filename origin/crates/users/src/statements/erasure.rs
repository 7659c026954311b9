//! Exports or erases all data of one user.

use serde_json::Value;
use shared::ids::UserId;
use sqlx::postgres::PgConnection;

use crate::audit::Actor;

/// All rows of a user, by table; `None` when there is no such user.
///
/// # Errors
/// The database's error.
pub async fn export(connection: &mut PgConnection, id: UserId) -> sqlx::Result<Option<Value>> {
    sqlx::query_scalar(include_str!("erasure/export.sql"))
        .bind(id.0)
        .fetch_optional(connection)
        .await
}

/// Deactivates a user for good. Answers their uid at Firebase, if any; `None` when there is no such user.
///
/// # Errors
/// The database's error.
pub async fn shut_out(connection: &mut PgConnection, id: UserId) -> sqlx::Result<Option<Option<String>>> {
    sqlx::query_scalar(include_str!("erasure/shut_out.sql"))
        .bind(id.0)
        .fetch_optional(connection)
        .await
}

/// Erases a user's data. Answers whether there was any.
///
/// # Errors
/// The database's error.
pub async fn erase(connection: &mut PgConnection, id: UserId, actor: &Actor) -> sqlx::Result<bool> {
    let erased: Option<bool> = sqlx::query_scalar(include_str!("erasure/erase.sql"))
        .bind(id.0)
        .bind(actor.as_str())
        .fetch_optional(&mut *connection)
        .await?;
    sqlx::query(include_str!("erasure/settle.sql"))
        .bind(id.0)
        .execute(connection)
        .await?;
    Ok(erased.unwrap_or(false))
}
