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

/// The result of one sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// This replica swept; the number is the holds that it gave back.
    Swept(u64),
    /// Another replica is sweeping.
    Elsewhere,
}

impl Ledger {
    /// Gives back every expired hold. One replica at a time sweeps; the others return at once.
    ///
    /// The lease only saves double work: two sweepers would still give each hold back once.
    ///
    /// # Errors
    /// [`LedgerFailure::Database`]; the holds that were given back stay so.
    pub async fn expire_due(&self) -> Result<Sweep, LedgerFailure> {
        let holder = Uuid::new_v4();
        let mut given_back: u64 = 0;
        loop {
            let is_ours = run(&self.pool, |mut connection| async move {
                leases::claim(&mut connection, EXPIRE_HOLDS, holder, LEASE_SECONDS).await
            });
            if !is_ours.await? {
                return Ok(if given_back == 0 {
                    Sweep::Elsewhere
                } else {
                    Sweep::Swept(given_back)
                });
            }
            let round = self.expire_round().await?;
            given_back = given_back.saturating_add(round);
            if round == 0 {
                break;
            }
        }
        run(&self.pool, |mut connection| async move {
            leases::release(&mut connection, EXPIRE_HOLDS, holder).await
        })
        .await?;
        Ok(Sweep::Swept(given_back))
    }

    /// Gives back some of the expired holds. Answers how many; 0 when no further one can go back.
    async fn expire_round(&self) -> Result<u64, LedgerFailure> {
        let due = run(&self.pool, |mut connection| async move {
            statements::due_holds(&mut connection, None, expiry::ROUND).await
        })
        .await?;
        let mut given_back: u64 = 0;
        for hold in due {
            match expiry::expire_one(&self.pool, &self.counters, hold).await {
                Ok(true) => given_back = given_back.saturating_add(1),
                Ok(false) => {}
                // A hold that cannot go back (its user's balance is full) must not stop the others.
                Err(LedgerFailure::Refused(refusal)) => {
                    tracing::warn!(hold_id = %hold, code = refusal.code().as_str(), "expired hold not released");
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(given_back)
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
