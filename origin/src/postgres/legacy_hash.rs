//! The hash that the legacy service checks, of people whose password is at Firebase; and whether the two were last seen to agree.
//!
//! What is remembered in `provider_data` is the SHA-256 of the bcrypt hash: enough to see that somebody replaced it, useless for
//! anything else.

use shared::ids::UserId;
use sqlx::postgres::PgConnection;

/// The part of `provider_data` that says: this hash and Firebase's password agree now. `$hash` is an SQL expression.
macro_rules! agreement {
    ($hash:literal) => {
        concat!(
            "jsonb_build_object('password', jsonb_build_object(\
                 'digest', encode(sha256(convert_to(",
            $hash,
            ", 'UTF8')), 'hex'), 'at', floor(extract(epoch FROM clock_timestamp()))::bigint))"
        )
    };
}

pub(in crate::postgres) use agreement;

/// Remembers that `hash`, if it is still the row's, agrees with Firebase's password.
///
/// # Errors
/// What the database says.
pub async fn note_agreement(connection: &mut PgConnection, id: UserId, hash: &str) -> sqlx::Result<()> {
    sqlx::query(concat!(
        "UPDATE auth.users SET provider_data = provider_data || ",
        agreement!("$2::text"),
        " WHERE id = $1 AND password_hash = $2"
    ))
    .bind(id.0)
    .bind(hash)
    .execute(connection)
    .await
    .map(drop)
}

/// Replaces the hash `seen` by that of Firebase's password, and notes that the password was changed. `false` when it is another by now: the legacy service was faster.
///
/// # Errors
/// What the database says.
pub async fn replace(
    connection: &mut PgConnection,
    id: UserId,
    seen: &str,
    hash: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query(concat!(
        "WITH changed AS ( \
             UPDATE auth.users SET password_hash = $3, provider_data = provider_data || ",
        agreement!("$3::text"),
        " WHERE id = $1 AND password_hash = $2 RETURNING id \
         ) \
         INSERT INTO auth.auth_events (kind, actor, user_id) SELECT 'password.changed', 'user', id FROM changed"
    ))
    .bind(id.0)
    .bind(seen)
    .bind(hash)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
