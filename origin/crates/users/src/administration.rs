//! What administrators do with users: look, deactivate, activate, bring up to date with Firebase.

use database::{Pool, read, run};
use shared::ids::{FirebaseUid, UserId};

use crate::audit;
use crate::audit::{Actor, Event, RequestSource};
use crate::error::OperationError;
use crate::rules::user::{UserError, UserRecord};
use crate::statements::{accounts, users};

/// The most events of a page.
pub const MAX_EVENTS: i64 = 100;

/// The user with this id.
///
/// # Errors
/// [`UserError::NotFound`], or a fault of ours.
pub async fn show(pool: &Pool, id: UserId) -> Result<UserRecord, OperationError> {
    let found = read(pool, |mut connection| async move {
        users::find_by_id(&mut connection, id).await
    })
    .await?;
    Ok(found.ok_or(UserError::NotFound)?)
}

/// Whom `name` names: their id with us, or their Firebase uid.
///
/// A uid is looked up as it stands. What has the form of a UUID is looked up as an id as well, since migrated accounts carry their id
/// as uid, and accounts registered here a UUID that is nobody's id. Nothing in the text tells the two apart, so both must lead to
/// one user.
///
/// # Errors
/// [`Unnamed`], or a fault of ours.
pub async fn named(pool: &Pool, name: &FirebaseUid) -> Result<Result<UserId, Unnamed>, OperationError> {
    let id = UserId::parse(name.as_str()).ok();
    let found = read(pool, |mut connection| async move {
        users::ids_of(&mut connection, id, name).await
    });
    Ok(match found.await?.as_slice() {
        [] => Err(Unnamed::Nobody),
        [one] => Ok(*one),
        _ => Err(Unnamed::Several),
    })
}

/// Why a name does not name one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unnamed {
    /// Nobody has it.
    #[error("nobody has this id or Firebase uid")]
    Nobody,
    /// It is one user's id and another's uid.
    #[error(
        "this is one person's id and another's Firebase uid: `origin users find` shows them; name either by what is theirs alone"
    )]
    Several,
}

/// Deactivates a user, which voids every sign-in so far, or activates them again. Counts from the next request on, in every
/// replica: the account status is read from the row each time. That Firebase is to be notified is noted with it; `Syncing::notify_soon` does so.
///
/// # Errors
/// [`UserError::NotFound`], or a fault of ours.
pub async fn set_active(
    pool: &Pool,
    id: UserId,
    active: bool,
    actor: &Actor,
    source: &RequestSource,
) -> Result<UserRecord, OperationError> {
    let changed = run(pool, |mut connection| async move {
        accounts::set_active(&mut connection, id, active, actor, source).await
    });
    Ok(changed.await?.ok_or(UserError::NotFound)?)
}

/// A user's audit trail, newest first, from before the event `before`.
///
/// # Errors
/// A fault of ours.
pub async fn trail(pool: &Pool, id: UserId, before: Option<i64>) -> Result<Vec<Event>, OperationError> {
    Ok(read(pool, |mut connection| async move {
        audit::of_user(&mut connection, id, before, MAX_EVENTS).await
    })
    .await?)
}
