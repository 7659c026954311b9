//! Keeps sign-ins and user imports apart.

use std::time::Duration;

use database::run;
use shared::ids::UserId;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::accounts::handle::Accounts;
use crate::error::AccountError;
use crate::statements::lease;

/// How long a sign-in may take to move a user, in seconds: two calls to Firebase of 10 s each, and the link.
const LEASE_SECONDS: i64 = 30;
/// How long a sign-in waits until a user import is done with the user.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a waiting sign-in checks the lease.
const POLL: Duration = Duration::from_millis(50);

/// The number of attempts to release a lease, and the pause between them: together about as long as the lease lasts.
const RELEASES: u32 = 60;
const RELEASE_PAUSE: Duration = Duration::from_millis(500);

/// Whether this sign-in moves the user to Firebase.
#[derive(Debug)]
pub(super) enum Held {
    /// The user is local, and only this sign-in moves them for now.
    ToBeMoved(Lease),
    /// Another process has moved the user in the meantime.
    NoLongerLocal,
}

/// The right to move a user, until it is released or expires.
#[derive(Debug)]
pub(super) struct Lease {
    id: UserId,
    holder: String,
}

impl Accounts {
    /// Keeps user imports and other sign-ins away from a user who is about to be moved. A second import would replace the account made
    /// here, with its sessions and with a password that the user changes right after.
    ///
    /// # Errors
    /// [`AccountError::BeingMoved`] when another process has the user and does not finish (if it was killed, its lease must expire first).
    /// The caller may fall back to the legacy service and try again later.
    pub(super) async fn hold_for_move(&self, id: UserId) -> Result<Held, AccountError> {
        let deadline = Instant::now() + PATIENCE;
        let holder = format!("sign-in:{}", Uuid::new_v4());
        let by = holder.as_str();
        let queue = self.moves.of(id);
        let Ok(mut is_moved) = timeout_at(deadline, queue.lock()).await else {
            return Err(AccountError::BeingMoved);
        };
        if *is_moved {
            return Ok(Held::NoLongerLocal);
        }
        loop {
            let (held, linked) = run(self.directory.pool(), |mut connection| async move {
                Ok((
                    lease::hold(&mut connection, id, by, LEASE_SECONDS).await?,
                    lease::is_linked(&mut connection, id).await?,
                ))
            })
            .await?;
            if linked {
                *is_moved = true;
                return Ok(Held::NoLongerLocal);
            }
            if held {
                return Ok(Held::ToBeMoved(Lease { id, holder }));
            }
            if Instant::now() >= deadline {
                return Err(AccountError::BeingMoved);
            }
            sleep(POLL).await;
        }
    }

    /// Releases a lease after the answer: the next attempt need not wait until it expires. Retries while the database is away.
    pub(super) fn let_go(&self, lease: Lease) {
        let pool = self.directory.pool().clone();
        tokio::spawn(async move {
            let (id, holder) = (lease.id, lease.holder.as_str());
            for _ in 0..RELEASES {
                let released = run(&pool, |mut connection| async move {
                    lease::let_go(&mut connection, id, holder).await
                });
                if released.await.is_ok() {
                    return;
                }
                sleep(RELEASE_PAUSE).await;
            }
        });
    }
}
