//! What administrators do with people: look, deactivate, activate, bring up to date with Firebase.

use shared::ids::{FirebaseUid, NormalizedEmail, UserId};
use sqlx::PgPool;

use super::accounts::{AccountError, Accounts};
use super::error::OperationError;
use crate::domain::sign_in::{MAX_DISPLAY_NAME, MAX_PHOTO_URL};
use crate::domain::user::{UserError, UserRecord};
use crate::postgres::accounts::FirebaseFacts;
use crate::postgres::events::{Actor, Event, Origin};
use crate::postgres::{accounts, events, run, users};

/// The most events of a page.
pub const MAX_EVENTS: i64 = 100;

/// The person with this id.
///
/// # Errors
/// [`UserError::NotFound`], or a fault of ours.
pub async fn show(pool: &PgPool, id: UserId) -> Result<UserRecord, OperationError> {
    let found = run(pool, |mut connection| async move {
        users::find_by_id(&mut connection, id).await
    })
    .await?;
    Ok(found.ok_or(UserError::NotFound)?)
}

/// Deactivates a person, which voids every sign-in so far, or activates them again. Counts from the next request on, in every
/// replica: standing is read from the row each time.
///
/// # Errors
/// [`UserError::NotFound`], or a fault of ours.
pub async fn set_active(
    pool: &PgPool,
    id: UserId,
    active: bool,
    actor: &Actor,
    origin: &Origin,
) -> Result<UserRecord, OperationError> {
    let changed = run(pool, |mut connection| async move {
        accounts::set_active(&mut connection, id, active, actor, origin).await
    });
    Ok(changed.await?.ok_or(UserError::NotFound)?)
}

/// A person's audit trail, newest first, from before the event `before`.
///
/// # Errors
/// A fault of ours.
pub async fn trail(pool: &PgPool, id: UserId, before: Option<i64>) -> Result<Vec<Event>, OperationError> {
    Ok(run(pool, |mut connection| async move {
        events::of_user(&mut connection, id, before, MAX_EVENTS).await
    })
    .await?)
}

impl Accounts {
    /// Brings a person's row up to date with their Firebase account. Values that are gone there are gone here; the address
    /// follows only when it is verified and nobody else has it.
    ///
    /// # Errors
    /// [`UserError::NotFound`] when there is no such person, or they have no Firebase account (any more); a fault of ours.
    pub async fn sync(&self, id: UserId, actor: &Actor, origin: &Origin) -> Result<UserRecord, AccountError> {
        let uid = show(&self.pool, id).await?.user.firebase_uid;
        let uid = uid
            .and_then(|uid| FirebaseUid::parse(uid).ok())
            .ok_or(UserError::NotFound)?;
        let account = self.firebase.find_account(&uid).await?;
        let fits = |text: &&str, longest: usize| text.chars().count() <= longest;
        let facts = account.as_ref().map(|account| FirebaseFacts {
            email: account
                .email
                .as_deref()
                .filter(|email| fits(email, NormalizedEmail::MAX_BYTES)),
            email_verified: account.email_verified,
            display_name: account
                .display_name
                .as_deref()
                .filter(|name| fits(name, MAX_DISPLAY_NAME)),
            photo_url: account
                .photo_url
                .as_deref()
                .filter(|url| fits(url, MAX_PHOTO_URL)),
            disabled: account.disabled,
        });
        let facts = facts.as_ref();
        let synced = run(&self.pool, |mut connection| async move {
            accounts::sync(&mut connection, id, facts, actor, origin).await
        });
        let record = synced.await?.ok_or(UserError::NotFound)?;
        if facts.is_some() {
            Ok(record)
        } else {
            Err(UserError::NotFound.into())
        }
    }
}
