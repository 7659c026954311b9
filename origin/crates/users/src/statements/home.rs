//! `auth.firebase_home`: the issuer of rows that name none.

use sqlx::postgres::PgConnection;

/// The recorded home; records `first` if there is none.
///
/// # Errors
/// The database's error.
pub async fn recorded(connection: &mut PgConnection, first: &str) -> sqlx::Result<String> {
    let known: Option<String> = sqlx::query_scalar("SELECT issuer FROM auth.firebase_home")
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(known) = known {
        return Ok(known);
    }
    // If two replicas start together, one is first, and both read its value.
    sqlx::query("INSERT INTO auth.firebase_home (issuer) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(first)
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar("SELECT issuer FROM auth.firebase_home")
        .fetch_one(connection)
        .await
}
