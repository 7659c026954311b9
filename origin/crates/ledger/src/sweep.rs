//! Giving back the tokens of holds that nobody settled in time.

use std::time::Duration;

use database::leases::{self, Job};
use database::run;
use shared::causes::Causes;
use uuid::Uuid;

use crate::expiry;
use crate::failure::LedgerFailure;
use crate::handle::Ledger;
use crate::statements;

/// Giving back holds whose time is up.
const EXPIRE_HOLDS: Job = Job("expire_holds");
/// How long a sweeper that has died keeps the others from sweeping.
const LEASE_SECONDS: u32 = 60;

/// What one sweep came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// This replica swept and gave back so many holds.
    Swept(u64),
    /// Another replica is sweeping.
    Elsewhere,
}

impl Ledger {
    /// Gives back every hold whose time is up. One replica at a time does; the others return at once.
    ///
    /// The lease only spares double work: two sweepers would still give each hold back once.
    ///
    /// # Errors
    /// [`LedgerFailure::Database`]; what was given back so far stays so.
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

    /// Gives back some of the holds whose time is up. Answers how many; 0 when there is nothing left that could go back.
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
                // One hold that cannot go back (its owner's balance is full) must not keep the others.
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
