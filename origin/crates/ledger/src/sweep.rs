//! Gives back the tokens of expired holds.

use std::time::Duration;

use database::leases::{self, Job};
use database::run;
use shared::causes::Causes;
use uuid::Uuid;

use crate::expiry;
use crate::failure::LedgerFailure;
use crate::handle::Ledger;
use crate::statements;

/// The job that gives back expired holds.
const EXPIRE_HOLDS: Job = Job("expire_holds");
/// How long the lease of a sweeper that has died stops the others, in seconds.
const LEASE_SECONDS: u32 = 60;

/// So many holds fail before a sweep ends.
const MOST_FAILURES: u32 = 3;

/// One sweep so far.
#[derive(Default)]
struct Progress {
    given_back: u64,
    /// The holds that this sweep leaves: those that expired first, of all that are still due.
    left: i64,
    failures: u32,
    failure: Option<LedgerFailure>,
}

/// The result of one sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// This replica swept; the number is the holds that it gave back.
    Swept(u64),
    /// Another replica is sweeping.
    Elsewhere,
}

impl Ledger {
    /// Gives back every expired hold. One replica at a time sweeps; the others return at once. A hold that cannot go back stops no other.
    ///
    /// The lease only saves double work: two sweepers would still give each hold back once.
    ///
    /// # Errors
    /// [`LedgerFailure::Database`]; the holds that were given back stay so.
    pub async fn expire_due(&self) -> Result<Sweep, LedgerFailure> {
        let holder = Uuid::new_v4();
        let mut progress = Progress::default();
        loop {
            let is_ours = run(&self.pool, |mut connection| async move {
                leases::claim(&mut connection, EXPIRE_HOLDS, holder, LEASE_SECONDS).await
            });
            if !is_ours.await? {
                return Ok(if progress.given_back == 0 {
                    Sweep::Elsewhere
                } else {
                    Sweep::Swept(progress.given_back)
                });
            }
            if !self.expire_round(&mut progress).await? {
                break;
            }
        }
        run(&self.pool, |mut connection| async move {
            leases::release(&mut connection, EXPIRE_HOLDS, holder).await
        })
        .await?;
        progress
            .failure
            .map_or(Ok(Sweep::Swept(progress.given_back)), Err)
    }

    /// Gives back some of the expired holds that are not left yet. Answers whether there were any.
    async fn expire_round(&self, progress: &mut Progress) -> Result<bool, LedgerFailure> {
        let left = progress.left;
        let due = run(&self.pool, |mut connection| async move {
            statements::due_holds(&mut connection, left, expiry::ROUND).await
        })
        .await?;
        let is_any = !due.is_empty();
        for hold in due {
            let failure = match expiry::expire_one(&self.pool, &self.counters, hold).await {
                Ok(true) => {
                    progress.given_back = progress.given_back.saturating_add(1);
                    continue;
                }
                Ok(false) => None,
                // Its user's balance is full.
                Err(LedgerFailure::Refused(refusal)) => {
                    tracing::warn!(hold_id = %hold, code = refusal.code().as_str(), "expired hold not released");
                    None
                }
                // Another transaction may hold its user's row. After several the database is away.
                Err(failure) => {
                    progress.failures = progress.failures.saturating_add(1);
                    if progress.failures >= MOST_FAILURES {
                        return Err(failure);
                    }
                    Some(failure)
                }
            };
            progress.failure = failure.or(progress.failure.take());
            progress.left = progress.left.saturating_add(1);
        }
        Ok(is_any)
    }

    /// Sweeps every `pause` until the future is dropped. A sweep that fails is logged and followed by the next.
    pub async fn keep_sweeping(self, pause: Duration) {
        let mut ticks = tokio::time::interval(pause);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.expire_due().await {
                Ok(Sweep::Swept(count)) if count > 0 => tracing::info!(count, "expired holds given back"),
                Ok(_) => {}
                Err(failure) => {
                    tracing::warn!(
                        error = %Causes(&failure),
                        "expired holds could not be given back"
                    );
                }
            }
        }
    }
}
