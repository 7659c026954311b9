//! Unlinks users: they become local again, with the hash that was kept for this.

use database::{Pool, run};
use firebase::Firebase;
use serde::Serialize;
use shared::ids::UserId;
use tokio::time::sleep;
use users::audit::Actor;
use uuid::Uuid;

use super::statements;
use super::{ImportError, LEASE_SECONDS, POLL, Pace};

/// How many users are unlinked under one lease: each deletion is a call of its own, ten a second at most.
const BATCH: i64 = 50;

/// The users to unlink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// One user.
    One(UserId),
    /// All users whom a user import linked and who still have an old hash; not users who registered at Firebase.
    AllImported,
}

/// The result of unlinking.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Unlinked {
    /// Users who are local again.
    pub unlinked: u64,
    /// Accounts deleted at Firebase; more than were unlinked when an earlier run was interrupted in between.
    pub deleted: u64,
}

/// Unlinks users.
#[derive(Debug)]
pub struct Unlinking {
    /// The database.
    pub pool: Pool,
    /// Firebase's account services.
    pub firebase: Firebase,
    /// How fast Firebase may be called.
    pub pace: Pace,
    /// The operator, for the audit trail.
    pub actor: Actor,
    holder: String,
}

impl Unlinking {
    /// An unlinking under a lease name of its own.
    #[must_use]
    pub fn new(pool: Pool, firebase: Firebase, pace: Pace, actor: Actor) -> Self {
        Self {
            pool,
            firebase,
            pace,
            actor,
            holder: format!("unlink:{}", Uuid::new_v4()),
        }
    }

    /// How many users would be unlinked.
    ///
    /// # Errors
    /// [`ImportError::Database`].
    pub async fn count(&self, whom: Whom) -> Result<i64, ImportError> {
        let id = whom.id();
        Ok(run(&self.pool, |mut connection| async move {
            statements::count_unlinkable(&mut connection, id).await
        })
        .await?)
    }

    /// How many accounts of unlinked users are still to be deleted, by a run that works or was interrupted.
    ///
    /// # Errors
    /// [`ImportError::Database`].
    pub async fn owed(&self, whom: Whom) -> Result<i64, ImportError> {
        let id = whom.id();
        Ok(run(&self.pool, |mut connection| async move {
            statements::count_unlinking(&mut connection, id).await
        })
        .await?)
    }

    /// Unlinks, and deletes the accounts at Firebase unless they are to be kept. The row comes first: if the process dies in between, the
    /// next sign-in finds the account under its own id and takes it over, and the next run deletes the rest. That run waits for the leases
    /// of an interrupted one: it does not leave accounts behind and report success.
    ///
    /// `watch` gets the work done, and how many accounts other processes are about to delete.
    ///
    /// # Errors
    /// [`ImportError`]; the work so far stays done, in `done`.
    pub async fn run(
        &self,
        whom: Whom,
        keep_accounts: bool,
        done: &mut Unlinked,
        watch: &mut (dyn FnMut(&Unlinked, i64) + Send),
    ) -> Result<(), ImportError> {
        let (id, holder, actor) = (whom.id(), self.holder.as_str(), &self.actor);
        loop {
            let unlinked = run(&self.pool, |mut connection| async move {
                statements::unlink(
                    &mut connection,
                    holder,
                    id,
                    BATCH,
                    LEASE_SECONDS,
                    keep_accounts,
                    actor,
                )
                .await
            })
            .await?;
            done.unlinked = done.unlinked.saturating_add(count(&unlinked));
            let deleted = if keep_accounts {
                0
            } else {
                self.delete(id, done).await?
            };
            if !unlinked.is_empty() || deleted > 0 {
                watch(done, 0);
                continue;
            }
            if keep_accounts {
                return Ok(());
            }
            let others = self.owed(whom).await?;
            if others == 0 {
                return Ok(());
            }
            watch(done, others);
            sleep(POLL).await;
        }
    }

    /// Deletes accounts with unlinked rows, under a lease that keeps sign-ins from linking them again.
    async fn delete(&self, id: Option<Uuid>, done: &mut Unlinked) -> Result<usize, ImportError> {
        let holder = self.holder.as_str();
        let doomed = run(&self.pool, |mut connection| async move {
            statements::settle_relinked(&mut connection).await?;
            statements::claim_unlinking(&mut connection, holder, id, BATCH, LEASE_SECONDS).await
        })
        .await?;
        for id in &doomed {
            self.pace.turn().await;
            let id = *id;
            // Checked again before each call: a slow run must not delete an account that was linked again.
            let ours = run(&self.pool, |mut connection| async move {
                statements::prolong_unlinking(&mut connection, holder, id, LEASE_SECONDS).await
            });
            if !ours.await? {
                continue;
            }
            self.firebase.delete_account(&id.to_string()).await?;
            run(&self.pool, |mut connection| async move {
                statements::unlinked(&mut connection, holder, id).await
            })
            .await?;
            done.deleted = done.deleted.saturating_add(1);
        }
        Ok(doomed.len())
    }
}

impl Whom {
    fn id(self) -> Option<Uuid> {
        match self {
            Self::One(id) => Some(id.0),
            Self::AllImported => None,
        }
    }
}

fn count(ids: &[Uuid]) -> u64 {
    u64::try_from(ids.len()).unwrap_or(u64::MAX)
}
