//! Operations of administrators: look up, deactivate, activate and synchronise users.

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

/// The user whom `name` names: by our id or by the Firebase uid.
///
/// A uid is looked up as it stands. A UUID is also looked up as an id: moved accounts have the user's id as uid, and accounts registered
/// here have a UUID that is not a user's id. The text does not distinguish the two, therefore both look-ups must lead to one user.
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

/// Why a name does not name exactly one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unnamed {
    /// No user has it.
    #[error("no user has this id or Firebase uid")]
    Nobody,
    /// It is one user's id and another user's uid.
    #[error(
        "this is one user's id and another's Firebase uid: `origin users find` shows them; name either by what is theirs alone"
    )]
    Several,
}

/// Deactivates a user, which voids every sign-in so far, or activates them again. It counts from the next request on, in every replica:
/// each request reads the account status from the row. The same transaction records that Firebase must be notified; `Syncing::notify_soon`
/// does so.
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

/// A user's audit trail, newest first, older than the event `before`.
///
/// # Errors
/// A fault of ours.
pub async fn trail(pool: &Pool, id: UserId, before: Option<i64>) -> Result<Vec<Event>, OperationError> {
    Ok(read(pool, |mut connection| async move {
        audit::of_user(&mut connection, id, before, MAX_EVENTS).await
    })
    .await?)
}
