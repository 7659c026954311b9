//! Sign-ins and the bulk migration keep out of each other's way.

use std::time::Duration;

use shared::ids::UserId;
use tokio::time::{Instant, sleep};

use super::{AccountError, Accounts};
use crate::operations::OperationError;
use crate::postgres::{migrations, run};

/// How long a sign-in may take to move a person, in seconds: two calls to Firebase of 10 s each, and the link.
const LEASE_SECONDS: i64 = 30;
/// How long a sign-in waits for the bulk migration to be done with the person.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it looks.
const POLL: Duration = Duration::from_millis(50);

/// Whether a person is to be moved to Firebase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// They are local, and the bulk migration leaves them alone for now.
    ToBeMoved,
    /// Somebody else has moved them in the meantime.
    NoLongerLocal,
}

impl Accounts {
    /// Keeps the bulk migration away from somebody who is about to be moved. Its import would replace the account made here, and
    /// with it a password that the person changes right after.
    ///
    /// # Errors
    /// [`OperationError::Contended`] when the bulk migration has the person and does not get done with them (it was killed:
    /// its lease has to run out). The caller may fall back to the legacy service and try again later.
    pub(super) async fn hold_for_move(&self, id: UserId) -> Result<Held, AccountError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (held, linked) = run(&self.pool, |mut connection| async move {
                Ok((
                    migrations::hold_for_sign_in(&mut connection, id, LEASE_SECONDS).await?,
                    migrations::is_linked(&mut connection, id).await?,
                ))
            })
            .await?;
            if linked {
                return Ok(Held::NoLongerLocal);
            }
            if held {
                return Ok(Held::ToBeMoved);
            }
            if Instant::now() >= deadline {
                return Err(OperationError::Contended("bulk migration").into());
            }
            sleep(POLL).await;
        }
    }
}
