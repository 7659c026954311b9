//! `auth.firebase_home`: whose users the rows are that name no issuer.

use sqlx::postgres::PgConnection;

/// The recorded home; `first` is recorded where there is none.
///
/// # Errors
/// What the database says.
pub async fn recorded(connection: &mut PgConnection, first: &str) -> sqlx::Result<String> {
    let known: Option<String> = sqlx::query_scalar("SELECT issuer FROM auth.firebase_home")
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(known) = known {
        return Ok(known);
    }
    // Of two replicas that start together one is first, and both read what it wrote.
    sqlx::query("INSERT INTO auth.firebase_home (issuer) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(first)
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar("SELECT issuer FROM auth.firebase_home")
        .fetch_one(connection)
        .await
}
