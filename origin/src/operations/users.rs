//! What administrators do with people: look, deactivate, activate, bring up to date with Firebase.

use shared::ids::UserId;

use super::accounts::{AccountError, Accounts};
use super::error::OperationError;
use super::sync::Syncing;
use crate::domain::user::{UserError, UserRecord};
use crate::postgres::events::{Actor, Event, Origin};
use crate::postgres::{Pool, accounts, events, run, users};

/// The most events of a page.
pub const MAX_EVENTS: i64 = 100;

/// The person with this id.
///
/// # Errors
/// [`UserError::NotFound`], or a fault of ours.
pub async fn show(pool: &Pool, id: UserId) -> Result<UserRecord, OperationError> {
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
    pool: &Pool,
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
pub async fn trail(pool: &Pool, id: UserId, before: Option<i64>) -> Result<Vec<Event>, OperationError> {
    Ok(run(pool, |mut connection| async move {
        events::of_user(&mut connection, id, before, MAX_EVENTS).await
    })
    .await?)
}

impl Accounts {
    /// Brings a person's row up to date with their Firebase account: [`Syncing::one`].
    ///
    /// # Errors
    /// See there.
    pub async fn sync(&self, id: UserId, actor: &Actor, origin: &Origin) -> Result<UserRecord, AccountError> {
        self.syncing().one(id, actor, origin).await
    }

    /// What brings rows up to date.
    #[must_use]
    pub fn syncing(&self) -> Syncing {
        Syncing {
            pool: self.pool.clone(),
            firebase: self.firebase.clone(),
        }
    }
}
