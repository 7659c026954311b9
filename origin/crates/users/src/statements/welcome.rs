//! `auth.welcome_grants` and `auth.welcome_dues`: the persons who have had their welcome tokens, and the users with a newly proven address.

use shared::ids::UserId;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::rules::user::UserRecord;
use crate::rules::welcome::WelcomeGrant;

/// Gives `grant` to its user, who has proven their address, unless the person or the row has had a welcome: `welcome/grant.sql`. Answers
/// the row if tokens moved.
///
/// # Errors
/// The database's error; a violated unique index means that another session is granting the same.
pub async fn grant(connection: &mut PgConnection, grant: &WelcomeGrant) -> sqlx::Result<Option<UserRecord>> {
    let (key, hash) = grant.idempotency();
    sqlx::query_as(include_str!("welcome/grant.sql"))
        .bind(grant.user().0)
        .bind(grant.tokens())
        .bind(key.as_str())
        .bind(hash.0.to_vec())
        .fetch_optional(connection)
        .await
}

/// Users with a newly proven address that is not processed yet, the oldest first, at most `limit`.
///
/// # Errors
/// The database's error.
pub async fn due(connection: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<UserId>> {
    let ids: Vec<Uuid> =
        sqlx::query_scalar("SELECT user_id FROM auth.welcome_dues ORDER BY since, user_id LIMIT $1")
            .bind(limit)
            .fetch_all(connection)
            .await?;
    Ok(ids.into_iter().map(UserId).collect())
}
