//! Statements about accounts: credentials, account status, linking by a move, closing. Each writes its own audit event.

use chrono::{DateTime, Utc};
use firebase::issuer::StoredIssuer;
use shared::ids::{FirebaseUid, NormalizedEmail, UserId};
use shared::ownership::{self, Deed, Passwords, Proof, RowFacts, RowState};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row as _};

use crate::audit::{Actor, RequestSource};
use crate::rules::credentials::Username;
use crate::rules::user::UserRecord;
use crate::statements::legacy_hash::agreement;

/// The data to check a user's password, and nothing else. Only this type carries a hash; it is never shown.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub id: UserId,
    /// Their address.
    pub email: Option<String>,
    /// Their Firebase uid, once linked.
    pub firebase_uid: Option<String>,
    /// The issuer of the uid: only accounts of the project that we manage may be looked up or changed by it.
    pub issuer: StoredIssuer,
    /// The bcrypt hash, where there is one.
    pub password_hash: Option<String>,
    /// How it relates to Firebase's password.
    pub legacy_hash: LegacyHash,
    /// When the two last agreed, in seconds since 1970; `None` if they never did.
    pub agreed_at: Option<i64>,
    /// The name to show.
    pub display_name: Option<String>,
    /// Whether the address was ever verified.
    pub email_verified: bool,
    /// `false` once deactivated.
    pub is_active: bool,
}

/// How the row's hash, which the legacy service checks and replaces, relates to the password at Firebase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyHash {
    /// There is no hash, or the two never agreed.
    Unrelated,
    /// They agreed at the last comparison, and the hash has not been replaced since.
    Agrees,
    /// The legacy service has replaced the hash since they last agreed.
    Replaced {
        /// When they agreed, in seconds since 1970.
        agreed_at: i64,
    },
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl FromRow<'_, PgRow> for Credentials {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let agreed_at: Option<i64> = row.try_get("hash_agreed_at")?;
        let legacy_hash = match (row.try_get::<Option<bool>, _>("hash_agrees")?, agreed_at) {
            (Some(true), _) => LegacyHash::Agrees,
            (Some(false), Some(agreed_at)) => LegacyHash::Replaced { agreed_at },
            _ => LegacyHash::Unrelated,
        };
        Ok(Self {
            legacy_hash,
            agreed_at,
            id: UserId(row.try_get("id")?),
            email: row.try_get("email")?,
            firebase_uid: row.try_get("firebase_uid")?,
            issuer: StoredIssuer::from_row(row.try_get("firebase_issuer")?),
            password_hash: row.try_get("password_hash")?,
            display_name: row.try_get("display_name")?,
            email_verified: row.try_get("email_verified")?,
            is_active: row.try_get("is_active")?,
        })
    }
}

impl Credentials {
    /// Their address, where it is one.
    #[must_use]
    pub fn address(&self) -> Option<NormalizedEmail> {
        NormalizedEmail::parse(self.email.as_deref()?).ok()
    }

    /// The row's state, in the table of [`ownership`].
    #[must_use]
    pub fn state(&self) -> RowState {
        RowState::of(RowFacts {
            is_active: self.is_active,
            has_account: self.firebase_uid.is_some(),
            is_ours: self.firebase_uid.as_deref() == Some(self.id.to_string().as_str()),
            is_proven: self.email_verified,
        })
    }

    /// Whether `deed` is allowed, given whether Firebase has verified the address of the row's account.
    #[must_use]
    pub fn may(&self, deed: Deed, vouched_at_firebase: bool) -> bool {
        let passwords = Passwords {
            has_hash: self.password_hash.is_some(),
            agree: self.legacy_hash == LegacyHash::Agrees,
            vouched_at_firebase,
        };
        ownership::may(self.state(), deed, passwords)
    }
}

/// Fails if the database does not answer: a check before a step elsewhere that cannot be undone.
///
/// # Errors
/// The database's error.
pub async fn reach(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SELECT 1").execute(connection).await.map(drop)
}

/// The identifier of a sign-in.
#[derive(Debug, Clone)]
pub enum Identifier {
    /// The address, in any case.
    Email(NormalizedEmail),
    /// The username, as spelled.
    Username(Username),
    /// The row's id.
    Id(UserId),
}

/// The credentials of the user whom `who` names.
///
/// # Errors
/// The database's error.
pub async fn credentials(
    connection: &mut PgConnection,
    who: &Identifier,
) -> sqlx::Result<Option<Credentials>> {
    macro_rules! credentials_where {
        ($condition:literal) => {
            concat!(
                "SELECT id, email, firebase_uid, firebase_issuer, password_hash, display_name, email_verified, is_active, \
                 provider_data #>> '{password,digest}' = encode(sha256(convert_to(password_hash, 'UTF8')), 'hex') AS hash_agrees, \
                 (provider_data #>> '{password,at}')::bigint AS hash_agreed_at \
                 FROM auth.users WHERE ",
                $condition
            )
        };
    }
    const BY_EMAIL: &str = credentials_where!("lower(email) = lower($1)");
    const BY_USERNAME: &str = credentials_where!("username = $1");
    const BY_ID: &str = credentials_where!("id = $1");
    let query = match who {
        Identifier::Email(email) => sqlx::query_as(BY_EMAIL).bind(email.as_str()),
        Identifier::Username(username) => sqlx::query_as(BY_USERNAME).bind(username.as_str()),
        Identifier::Id(id) => sqlx::query_as(BY_ID).bind(id.0),
    };
    query.fetch_optional(connection).await
}

/// Gives an active user a username, unless they have one. `false` when they have.
///
/// # Errors
/// The database's error; a violation of `users_username_key` means that another user has it.
pub async fn set_username(
    connection: &mut PgConnection,
    id: UserId,
    username: &Username,
) -> sqlx::Result<bool> {
    let done =
        sqlx::query("UPDATE auth.users SET username = $2 WHERE id = $1 AND username IS NULL AND is_active")
            .bind(id.0)
            .bind(username.as_str())
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a user has this username.
///
/// # Errors
/// The database's error.
pub async fn username_is_taken(connection: &mut PgConnection, username: &Username) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM auth.users WHERE username = $1)")
        .bind(username.as_str())
        .fetch_one(connection)
        .await
}

/// Replaces the hash of a user who has one, and audits it. A linked user's new hash counts as equal to Firebase's password.
///
/// # Errors
/// The database's error.
pub async fn set_password_hash(
    connection: &mut PgConnection,
    id: UserId,
    hash: &str,
    source: &RequestSource,
) -> sqlx::Result<()> {
    sqlx::query(concat!(
        "WITH changed AS ( \
             UPDATE auth.users SET password_hash = $2, \
                 provider_data = CASE WHEN firebase_uid IS NULL THEN provider_data ELSE provider_data || ",
        agreement!("$2::text"),
        " END WHERE id = $1 AND auth_provider <> 'firebase' \
         ) \
         INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id) \
         VALUES ('password.changed', 'user', $1, $3::text::inet, $4)",
    ))
    .bind(id.0)
    .bind(hash)
    .bind(source.source_ip_text())
    .bind(source.request_id.as_deref())
    .execute(connection)
    .await
    .map(drop)
}

/// Links a local row to the Firebase account made for it in the project that we manage, `issuer`: the row's id is its uid, and its password
/// is that of `hash`. `false` when the row is linked already.
///
/// # Errors
/// The database's error.
pub async fn link_migrated(
    connection: &mut PgConnection,
    id: UserId,
    (uid, issuer): (&FirebaseUid, &StoredIssuer),
    hash: &str,
    source: &RequestSource,
) -> sqlx::Result<bool> {
    let noted = sqlx::query(concat!(
        "WITH linked AS ( \
             UPDATE auth.users \
             SET firebase_uid = $2, firebase_issuer = $6, auth_provider = 'hybrid', last_firebase_sync = now(), federation_status = 'active', \
                 provider_data = provider_data || ",
        agreement!("$5::text"),
        " WHERE id = $1 AND firebase_uid IS NULL AND password_hash IS NOT NULL AND is_active \
             RETURNING id \
         ) \
         INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id, details) \
         SELECT 'user.migrated', 'user', id, $3::text::inet, $4, '{\"at\": \"sign-in\"}' FROM linked",
    ))
    .bind(id.0)
    .bind(uid.as_str())
    .bind(source.source_ip_text())
    .bind(source.request_id.as_deref())
    .bind(hash)
    .bind(issuer.as_str())
    .execute(connection)
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Deactivates a user and voids every sign-in so far, or activates them again. `None` when there is no such user. The event is written even
/// if nothing changes: the trail must show every attempt. Firebase is notified even then, since its side may differ.
///
/// # Errors
/// The database's error.
pub async fn set_active(
    connection: &mut PgConnection,
    id: UserId,
    active: bool,
    actor: &Actor,
    source: &RequestSource,
) -> sqlx::Result<Option<UserRecord>> {
    sqlx::query_as(concat!(
        "WITH changed AS ( \
             UPDATE auth.users \
             SET is_active = $2, valid_since = CASE WHEN $2 THEN valid_since ELSE date_trunc('second', now()) END \
             WHERE id = $1 RETURNING * \
         ), \
         noted AS ( \
             INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id) \
             SELECT CASE WHEN $2 THEN 'user.activated' ELSE 'user.deactivated' END, $3, id, $4::text::inet, $5 FROM changed \
         ), \
         owed AS ( \
             INSERT INTO auth.standing_pushes (user_id, switches) SELECT id, true FROM changed WHERE firebase_uid IS NOT NULL \
             ON CONFLICT (user_id) DO UPDATE \
             SET switches = true, wanted_in = pg_current_xact_id(), attempts = 0, next_attempt_at = now() \
         ) \
         SELECT ",
        super::users::columns!(),
        " FROM changed"
    ))
    .bind(id.0)
    .bind(active)
    .bind(actor.as_str())
    .bind(source.source_ip_text())
    .bind(source.request_id.as_deref())
    .fetch_optional(connection)
    .await
}

/// Voids every sign-in so far, and audits it.
///
/// # Errors
/// The database's error.
pub async fn revoke_sessions(
    connection: &mut PgConnection,
    id: UserId,
    actor: &Actor,
    source: &RequestSource,
) -> sqlx::Result<()> {
    sqlx::query(
        "WITH changed AS ( \
             UPDATE auth.users SET valid_since = date_trunc('second', now()) WHERE id = $1 RETURNING id \
         ) \
         INSERT INTO auth.auth_events (kind, actor, user_id, source_ip, request_id) \
         SELECT 'sessions.revoked', $2, id, $3::text::inet, $4 FROM changed",
    )
    .bind(id.0)
    .bind(actor.as_str())
    .bind(source.source_ip_text())
    .bind(source.request_id.as_deref())
    .execute(connection)
    .await
    .map(drop)
}

/// The remains of a closed account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedAccount {
    /// The address it had.
    pub original_email: Option<String>,
    /// When it was closed.
    pub deleted_at: DateTime<Utc>,
}

/// Closes an account as the legacy service does (`close.sql`). `None` when there is none, or it is closed already.
///
/// # Errors
/// The database's error.
pub async fn close(
    connection: &mut PgConnection,
    id: UserId,
    actor: &Actor,
    source: &RequestSource,
) -> sqlx::Result<Option<ClosedAccount>> {
    let row = sqlx::query(include_str!("accounts/close.sql"))
        .bind(id.0)
        .bind(actor.as_str())
        .bind(source.source_ip_text())
        .bind(source.request_id.as_deref())
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(ClosedAccount {
            original_email: row.try_get(0)?,
            deleted_at: row.try_get(1)?,
        })
    })
    .transpose()
}

/// Firebase's facts about an account, in the form of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirebaseFacts<'a> {
    /// The address.
    pub email: Option<&'a str>,
    /// The account's proof of the address.
    pub proof: Proof,
    /// The name to show.
    pub display_name: Option<&'a str>,
    /// Photo URL.
    pub photo_url: Option<&'a str>,
    /// Whether the account is disabled.
    pub disabled: bool,
}

/// Synchronises a row with its Firebase account (`sync.sql`); `None` for an account that is gone.
///
/// # Errors
/// The database's error.
pub async fn sync(
    connection: &mut PgConnection,
    id: UserId,
    facts: Option<&FirebaseFacts<'_>>,
    actor: &Actor,
    source: &RequestSource,
) -> sqlx::Result<Option<UserRecord>> {
    sqlx::query_as(include_str!("accounts/sync.sql"))
        .bind(id.0)
        .bind(facts.is_some())
        .bind(facts.and_then(|facts| facts.email))
        .bind(facts.is_some_and(|facts| facts.proof.is_one()))
        .bind(facts.and_then(|facts| facts.display_name))
        .bind(facts.and_then(|facts| facts.photo_url))
        .bind(facts.is_some_and(|facts| facts.disabled))
        .bind(actor.as_str())
        .bind(source.source_ip_text())
        .bind(source.request_id.as_deref())
        .bind(facts.is_some_and(|facts| facts.proof == Proof::Given))
        .fetch_optional(connection)
        .await
}
