//! `origin users roles`.

use database::{Pool, run};
use users::OperationError;
use users::statements::pushes;

/// Requests a notification of every role, which the running service sends to Firebase. For the day on which FIREBASE_USER_TYPE_CLAIM is
/// first set: from then on every change sends its own.
pub(super) async fn tell(pool: &Pool) -> Result<String, OperationError> {
    let owed = run(pool, |mut connection| async move {
        pushes::mark_roles_pending(&mut connection).await
    });
    Ok(format!("{} to be told, by the running service.\n", owed.await?))
}
