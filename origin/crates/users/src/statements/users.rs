//! Statements about `auth.users`, one for each function.

use chrono::{DateTime, Utc};
use database::replica::Seen;
use firebase::issuer::StoredIssuer;
use serde_json::Value;
use shared::api::user::User;
use shared::ids::{FirebaseUid, NormalizedEmail, UserId};
use shared::ownership::{Proof, Step, situations};
use shared::time::UnixTime;
use shared::web_address::is_web_address;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row as _};

use crate::audit::RequestSource;
use crate::rules::sign_in::FirebaseSignIn;
use crate::rules::user::UserRecord;
use crate::rules::welcome::{ProvenPerson, WelcomeGrant};

/// The columns of a [`UserRecord`], in the order in which it is read, without the password hash.
macro_rules! columns {
    () => {
        "id, firebase_uid, email, username, display_name, user_type, is_active, token_balance, auth_provider, email_verified, \
         photo_url, last_login, created_at, updated_at, valid_since, firebase_issuer"
    };
}

pub(crate) use columns;

/// The user linked to `uid` of `issuer`.
///
/// # Errors
/// The database's error.
pub async fn find_by_firebase_uid(
    connection: &mut PgConnection,
    uid: &FirebaseUid,
    issuer: &StoredIssuer,
) -> sqlx::Result<Option<UserRecord>> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM auth.users WHERE firebase_uid = $1 AND firebase_issuer = $2"
    ))
    .bind(uid.as_str())
    .bind(issuer.as_str())
    .fetch_optional(connection)
    .await
}

/// The users linked to any of `uids`, of any issuer, in no order.
///
/// # Errors
/// The database's error.
pub async fn find_by_firebase_uids(
    connection: &mut PgConnection,
    uids: &[String],
) -> sqlx::Result<Vec<UserRecord>> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM auth.users WHERE firebase_uid = ANY($1)"
    ))
    .bind(uids)
    .fetch_all(connection)
    .await
}

/// The user with this id.
///
/// # Errors
/// The database's error.
pub async fn find_by_id(connection: &mut PgConnection, id: UserId) -> sqlx::Result<Option<UserRecord>> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM auth.users WHERE id = $1"))
        .bind(id.0)
        .fetch_optional(connection)
        .await
}

/// The users linked to any of `uids`, regardless of the issuer, and those with any of `ids`, on a replica; `origin` is
/// [`Replica::origin`](database::Replica::origin).
///
/// # Errors
/// The database's error.
pub async fn find_on_replica(
    connection: &mut PgConnection,
    origin: uuid::Uuid,
    uids: &[String],
    ids: &[uuid::Uuid],
) -> sqlx::Result<(Seen, Vec<UserRecord>)> {
    let rows = sqlx::query(concat!(
        "SELECT replica_sent, replica_follows, ",
        columns!(),
        " FROM (SELECT ",
        database::replica_seen!(),
        ") AS seen LEFT JOIN auth.users ON firebase_uid = ANY($2) OR id = ANY($3)"
    ))
    .bind(origin)
    .bind(uids)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let seen = Seen::of(rows.first().ok_or(sqlx::Error::RowNotFound)?)?;
    let mut records = Vec::with_capacity(rows.len());
    for row in &rows {
        if row.try_get::<Option<uuid::Uuid>, _>(2)?.is_some() {
            records.push(record(row, 2)?);
        }
    }
    Ok((seen, records))
}

/// All users with this id or this Firebase uid: one user, unless one user's id is another user's uid.
///
/// # Errors
/// The database's error.
pub async fn ids_of(
    connection: &mut PgConnection,
    id: Option<UserId>,
    uid: &FirebaseUid,
) -> sqlx::Result<Vec<UserId>> {
    let ids: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT id FROM auth.users WHERE id = $1 OR firebase_uid = $2 ORDER BY id")
            .bind(id.map(|id| id.0))
            .bind(uid.as_str())
            .fetch_all(connection)
            .await?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// The user with this address, in any spelling of case.
///
/// # Errors
/// The database's error.
pub async fn find_by_email(
    connection: &mut PgConnection,
    email: &NormalizedEmail,
) -> sqlx::Result<Option<UserRecord>> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM auth.users WHERE lower(email) = lower($1)"
    ))
    .bind(email.as_str())
    .fetch_optional(connection)
    .await
}

/// The result of a first sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstSight {
    /// The user was there already.
    Known(UserRecord),
    /// A local row with the same, verified address was linked.
    Linked(UserRecord),
    /// A row was created.
    Created(UserRecord),
    /// The address belongs to a row that may not be linked.
    Conflict,
    /// The address belongs to a deactivated row.
    Disabled,
    /// Another session interfered: look again.
    Raced,
}

/// The start of a row that does not exist yet.
#[derive(Debug)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// Its welcome grant.
    pub welcome: WelcomeGrant,
}

/// A sign-in without a row.
#[derive(Debug)]
pub struct Arrival {
    /// The sign-in.
    pub sign_in: FirebaseSignIn,
    /// The start of its row.
    pub new: NewUser,
    /// The source of the request.
    pub source: RequestSource,
}

/// Finds, links or creates the user of `arrival`: `first_sight.sql`.
///
/// # Errors
/// The database's error.
pub async fn first_sight(connection: &mut PgConnection, arrival: &Arrival) -> sqlx::Result<FirstSight> {
    let Arrival { sign_in, new, source } = arrival;
    let details = serde_json::json!({ "provider": sign_in.provider });
    let (grant_key, grant_hash) = new.welcome.idempotency();
    let row = sqlx::query(include_str!("users/first_sight.sql"))
        .bind(sign_in.uid.as_str())
        .bind(sign_in.email.as_ref().map(NormalizedEmail::as_str))
        .bind(sign_in.proves())
        .bind(sign_in.display_name.as_deref())
        .bind(sign_in.photo_url.as_deref())
        .bind(sign_in.signed_in_at)
        .bind(new.id.0)
        .bind(new.welcome.tokens())
        .bind(grant_key.as_str())
        .bind(grant_hash.0.to_vec())
        .bind(source.source_ip_text())
        .bind(source.request_id.as_deref())
        .bind::<Value>(details)
        .bind(situations(sign_in.proof, &[Step::Link, Step::LinkAndChange]))
        .bind(situations(sign_in.proof, &[Step::LinkAndChange]))
        .bind(situations(sign_in.proof, &[Step::LoseAddress]))
        .bind(sign_in.issuer.as_str())
        .bind(sign_in.user.as_ref().map(ProvenPerson::as_bytes))
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else {
        return Ok(FirstSight::Raced);
    };
    let outcome: &str = row.try_get(0)?;
    Ok(match outcome {
        "created" => FirstSight::Created(record(&row, 1)?),
        "linked" => FirstSight::Linked(record(&row, 1)?),
        "known" => FirstSight::Known(record(&row, 1)?),
        "disabled" => FirstSight::Disabled,
        _ => FirstSight::Conflict,
    })
}

/// Records a sign-in that the row does not know of, or its proof: `record_sign_in.sql`. `None` when the row already knew.
///
/// # Errors
/// The database's error.
pub async fn record_sign_in(
    connection: &mut PgConnection,
    sign_in: &FirebaseSignIn,
    source: &RequestSource,
) -> sqlx::Result<Option<UserRecord>> {
    let details = serde_json::json!({ "provider": sign_in.provider });
    sqlx::query_as(include_str!("users/record_sign_in.sql"))
        .bind(sign_in.uid.as_str())
        .bind(sign_in.email.as_ref().map(NormalizedEmail::as_str))
        .bind(sign_in.email_verified)
        .bind(sign_in.display_name.as_deref())
        .bind(sign_in.photo_url.as_deref())
        .bind(sign_in.signed_in_at)
        .bind(sign_in.proves())
        .bind(sign_in.proof == Proof::Given)
        .bind(situations(sign_in.proof, &[Step::LoseAddress]))
        .bind(source.source_ip_text())
        .bind(source.request_id.as_deref())
        .bind::<Value>(details)
        .bind(sign_in.issuer.as_str())
        .fetch_optional(connection)
        .await
}

/// Changes the displayed name and photo of an active user; `None` leaves a field as it is.
///
/// # Errors
/// The database's error.
pub async fn set_shown(
    connection: &mut PgConnection,
    id: UserId,
    display_name: Option<&str>,
    photo_url: Option<&str>,
) -> sqlx::Result<Option<UserRecord>> {
    sqlx::query_as(concat!(
        "UPDATE auth.users SET display_name = coalesce($2, display_name), photo_url = coalesce($3, photo_url) \
         WHERE id = $1 AND is_active RETURNING ",
        columns!()
    ))
    .bind(id.0)
    .bind(display_name)
    .bind(photo_url)
    .fetch_optional(connection)
    .await
}

impl FromRow<'_, PgRow> for UserRecord {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        record(row, 0)
    }
}

/// Reads the columns of `columns!()` from position `at` on. By position: access by name costs a look-up for each.
fn record(row: &PgRow, at: usize) -> sqlx::Result<UserRecord> {
    let at = |column: usize| at.saturating_add(column);
    Ok(UserRecord {
        user: User {
            id: row.try_get(at(0))?,
            firebase_uid: row.try_get(at(1))?,
            email: row.try_get(at(2))?,
            username: row.try_get(at(3))?,
            display_name: row.try_get(at(4))?,
            user_type: row.try_get(at(5))?,
            is_active: row.try_get(at(6))?,
            token_balance: row.try_get::<i32, _>(at(7)).map(i64::from)?,
            auth_provider: row.try_get(at(8))?,
            email_verified: row.try_get(at(9))?,
            // A row may hold a value from before the rule.
            photo_url: row
                .try_get::<Option<String>, _>(at(10))?
                .filter(|address| is_web_address(address)),
            last_login: row.try_get(at(11))?,
            created_at: row.try_get(at(12))?,
            updated_at: row.try_get(at(13))?,
        },
        valid_since: row
            .try_get::<Option<DateTime<Utc>>, _>(at(14))?
            .map(|moment| UnixTime::from_secs(moment.timestamp())),
        issuer: StoredIssuer::from_row(row.try_get(at(15))?),
    })
}
