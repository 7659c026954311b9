//! The hash that the legacy service checks, for users with a password at Firebase; and whether the two last agreed.
//!
//! `provider_data` keeps the SHA-256 of the bcrypt hash: enough to see that the hash was replaced, useless for anything else.

use shared::ids::UserId;
use shared::time::UnixTime;
use sqlx::postgres::PgConnection;

use crate::audit::RequestSource;

/// The part of `provider_data` for a hash that agrees with Firebase's password now. `$hash` is an SQL expression.
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

pub(crate) use agreement;

/// Records that `hash`, if it is still the row's, agrees with Firebase's password.
///
/// # Errors
/// The database's error.
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

/// Replaces the hash `seen` by that of Firebase's password, and audits the change of password. `false` when the legacy service has replaced
/// it first.
///
/// # Errors
/// The database's error.
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

/// Why a hash does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetAside {
    /// The address was proven by a sign-in that the holder of this password need not have made. The hash counts again once the user
    /// confirms the password.
    AddressProven,
    /// The account has a second factor, which the legacy service would not require. The hash never counts again.
    SecondFactor,
}

impl SetAside {
    /// The text in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddressProven => "address_proven",
            Self::SecondFactor => "second_factor",
        }
    }
}

/// Sets the hash of a linked row aside, where the legacy service cannot read it, and audits it. `false` when the row has none that counts.
///
/// Tokens of the legacy service stay good: a caller that wants them void sets `valid_since` in the same transaction.
///
/// # Errors
/// The database's error.
pub async fn set_aside(connection: &mut PgConnection, id: UserId, reason: SetAside) -> sqlx::Result<bool> {
    let noted = sqlx::query(include_str!("legacy_hash/set_aside.sql"))
        .bind(id.0)
        .bind(reason.as_str())
        .execute(connection)
        .await?;
    Ok(noted.rows_affected() == 1)
}

/// The hash that counts again once the user confirms its password, if one was set aside for that reason.
///
/// # Errors
/// The database's error.
pub async fn to_be_confirmed(connection: &mut PgConnection, id: UserId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(
        "SELECT password_hash FROM auth.set_aside_hashes WHERE user_id = $1 AND reason = 'address_proven'",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await
}

/// Makes the legacy service accept a password again: the user, with a proven address, has confirmed it, and `hash` is its hash. It agrees
/// with Firebase's password. Sign-ins before `signed_in_at`, the confirming one, are void. `false` when none was set aside for
/// confirmation.
///
/// # Errors
/// The database's error.
pub async fn confirm(
    connection: &mut PgConnection,
    id: UserId,
    hash: &str,
    signed_in_at: UnixTime,
    source: &RequestSource,
) -> sqlx::Result<bool> {
    let noted = sqlx::query(concat!(
        "WITH held AS (SELECT id FROM auth.users WHERE id = $1 FOR UPDATE), \
         kept AS ( \
             DELETE FROM auth.set_aside_hashes USING held \
             WHERE user_id = held.id AND reason = 'address_proven' RETURNING user_id \
         ), \
         changed AS ( \
             UPDATE auth.users SET password_hash = $2, auth_provider = 'hybrid', \
                 valid_since = greatest(valid_since, to_timestamp($5)), provider_data = provider_data || ",
        agreement!("$2::text"),
        " FROM kept WHERE id = user_id AND auth_provider = 'firebase' AND email_verified AND is_active RETURNING id \
         ) \
         INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id) \
         SELECT 'password.confirmed', 'user', id, $3::text::inet, $4 FROM changed"
    ))
    .bind(id.0)
    .bind(hash)
    .bind(source.source_ip_text())
    .bind(source.request_id.as_deref())
    .bind(signed_in_at.secs())
    .execute(connection)
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Records that the code of a mail, which proves the address, replaced the password of a linked user. Earlier sign-ins are void. From now
/// on the legacy service accepts the new password's `hash`, or no password if there is no hash or it never was to accept one.
///
/// # Errors
/// The database's error.
pub async fn note_reset(
    connection: &mut PgConnection,
    id: UserId,
    hash: Option<&str>,
    source: &RequestSource,
) -> sqlx::Result<()> {
    sqlx::query(concat!(
        "WITH held AS ( \
             SELECT id, password_hash, email_verified FROM auth.users \
             WHERE id = $1 AND is_active AND firebase_uid IS NOT NULL FOR UPDATE \
         ), \
         kept AS ( \
             DELETE FROM auth.set_aside_hashes USING held \
             WHERE user_id = held.id AND reason = 'address_proven' RETURNING user_id \
         ), \
         judged AS ( \
             SELECT id, email_verified, \
                    $2::text IS NOT NULL AND (password_hash IS NOT NULL OR EXISTS (SELECT FROM kept)) AS readable \
             FROM held \
         ), \
         changed AS ( \
             UPDATE auth.users AS person \
             SET email_verified = true, valid_since = date_trunc('second', now()), \
                 password_hash = CASE WHEN readable THEN $2::text END, \
                 auth_provider = CASE WHEN readable THEN 'hybrid' ELSE 'firebase' END, \
                 provider_data = (person.provider_data - 'password') || CASE WHEN readable THEN ",
        agreement!("$2::text"),
        " ELSE '{}'::jsonb END \
             FROM judged WHERE person.id = judged.id \
             RETURNING person.id, judged.email_verified AS was_proven \
         ) \
         INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id, details) \
         SELECT kind, 'user', id, $3::text::inet, $4, '{\"by\": \"reset\"}' \
         FROM changed, unnest(ARRAY['sessions.revoked', 'password.changed', 'ownership.changed']) AS kind \
         WHERE kind <> 'ownership.changed' OR NOT was_proven",
    ))
    .bind(id.0)
    .bind(hash)
    .bind(source.source_ip_text())
    .bind(source.request_id.as_deref())
    .execute(connection)
    .await
    .map(drop)
}
