//! Everything about one user: handed out, or taken away.

use serde_json::Value;
use shared::ids::UserId;
use sqlx::postgres::PgConnection;

use crate::audit::Actor;

/// Every row about a user, by table; `None` when there is no such user.
///
/// # Errors
/// What the database says.
pub async fn export(connection: &mut PgConnection, id: UserId) -> sqlx::Result<Option<Value>> {
    sqlx::query_scalar(include_str!("erasure/export.sql"))
        .bind(id.0)
        .fetch_optional(connection)
        .await
}

/// Puts a user out for good. Answers their uid at Firebase, if they have one; `None` when there is no such user.
///
/// # Errors
/// What the database says.
pub async fn shut_out(connection: &mut PgConnection, id: UserId) -> sqlx::Result<Option<Option<String>>> {
    sqlx::query_scalar(include_str!("erasure/shut_out.sql"))
        .bind(id.0)
        .fetch_optional(connection)
        .await
}

/// Takes away what is known of a user. Answers whether anything was.
///
/// # Errors
/// What the database says.
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
