//! Imports users into Firebase by the thousand, with their passwords, while they go on signing in on either side.
//!
//! Three rules keep it correct, even if a process is killed at any moment:
//!
//! 1. No user is changed without the lease of their row in `auth.user_migrations`. A sign-in that moves a user takes the same lease,
//!    because Firebase's import replaces an account of the same uid without asking.
//! 2. An account with a sign-in is linked, never imported again.
//! 3. The row is linked last, and only if it still equals the imported data. Work that breaks off earlier is repeated.

mod batch;
mod compare;
mod error;
mod lookup;
mod pace;
mod preflight;
mod report;
mod resume;
mod rules;
mod statements;
mod unlink;

use std::time::Duration;

use database::run;
use firebase::{Firebase, MAX_IMPORT};
use shared::rollout::Percentage;
use tokio::time::sleep;
use users::audit::Actor;
use users::directory::Directory;
use uuid::Uuid;

use statements::Backlog;

pub use compare::{Comparison, Difference, compare};
pub use error::ImportError;
pub use pace::Pace;
pub use preflight::Preflight;
pub use report::{Progress, Report};
pub use resume::{Looking, last_share};
pub use unlink::{Unlinked, Unlinking, Whom};

/// How long a lease is good for, in seconds. The work after its last renewal takes less: a fetch of the access token (5 s), the import (12
/// s), and [`batch`]'s own limit (5 s). The users of a run that dies wait for as long.
const LEASE_SECONDS: i64 = 25;
/// How many attempts a user with a changing row has before they count as failed.
const MAX_ATTEMPTS: i32 = 5;
/// How many failed calls in a row end a run.
const MAX_FAILURES: u32 = 8;
/// How often the run checks whether other processes are done with their users.
const POLL: Duration = Duration::from_millis(500);

/// A user import.
#[derive(Debug)]
pub struct UserImport {
    /// The rows of users.
    pub directory: Directory,
    /// Firebase's account services.
    pub firebase: Firebase,
    /// The rollout group, as in the edge's configuration.
    pub group: String,
    /// The share of all users to import.
    pub share: Percentage,
    /// How fast Firebase may be called.
    pub pace: Pace,
    /// The operator, for the audit trail.
    pub actor: Actor,
    /// The highest cost of a hash to import.
    pub max_cost: u32,
    holder: String,
}

impl UserImport {
    /// A user import under a lease name of its own.
    #[must_use]
    pub fn new(
        directory: Directory,
        firebase: Firebase,
        group: String,
        share: Percentage,
        pace: Pace,
        actor: Actor,
        max_cost: u32,
    ) -> Self {
        Self {
            directory,
            firebase,
            group,
            share,
            pace,
            actor,
            max_cost,
            holder: format!("bulk:{}", Uuid::new_v4()),
        }
    }

    /// The users that are left for this share.
    ///
    /// # Errors
    /// [`ImportError::Database`].
    pub async fn backlog(&self) -> Result<Backlog, ImportError> {
        let share = self.share.basis_points();
        Ok(run(self.directory.pool(), |mut connection| async move {
            statements::backlog(&mut connection, share).await
        })
        .await?)
    }

    /// Imports all users in the queue, or `limit`, and updates `report` as it goes. Waits for users in another process's hands: should that
    /// process die, this one takes them over.
    ///
    /// # Errors
    /// [`ImportError`] when Firebase or the database stay away, or refuse for a reason that waiting does not cure.
    pub async fn run(
        &self,
        limit: Option<u64>,
        report: &mut Report,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<(), ImportError> {
        let most = u64::try_from(MAX_IMPORT).unwrap_or(u64::MAX);
        let mut failures = 0_u32;
        loop {
            let room = limit.map_or(most, |limit| limit.saturating_sub(report.settled()).min(most));
            if room == 0 {
                return Ok(());
            }
            match self.batch(i64::try_from(room).unwrap_or(1), report).await {
                Ok(0) => {
                    let left = self.backlog().await?;
                    if left.waiting == 0 {
                        return Ok(());
                    }
                    watch(Progress::Waiting(left.leased));
                    sleep(POLL).await;
                }
                Ok(_) => {
                    failures = 0;
                    watch(Progress::Moved(report));
                }
                Err(error) if error.is_transient() && failures < MAX_FAILURES => {
                    watch(Progress::Trouble(&error));
                    sleep(error.pause(failures)).await;
                    failures = failures.saturating_add(1);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
