//! Giving back the tokens of holds that nobody settled in time.

use super::{Fault, Ledger, holds};
use crate::postgres::ledger as statements;

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
    /// The lock only spares double work: two sweepers would still give each hold back once.
    ///
    /// # Errors
    /// [`Fault::Database`]; what was given back so far stays so.
    pub async fn expire_due(&self) -> Result<Sweep, Fault> {
        // The lock lives as long as this transaction, so a process that dies lets go of it.
        let mut lock = self.pool.begin().await?;
        if !statements::try_sweep_lock(&mut lock).await? {
            return Ok(Sweep::Elsewhere);
        }
        let mut given_back: u64 = 0;
        loop {
            let mut connection = self.pool.acquire().await?;
            let due = statements::due_holds(&mut connection, None, holds::ROUND).await?;
            drop(connection);
            let mut progress = false;
            for hold in due {
                match holds::expire_one(&self.pool, &self.counters, hold).await {
                    Ok(true) => {
                        progress = true;
                        given_back = given_back.saturating_add(1);
                    }
                    Ok(false) => {}
                    // One hold that cannot go back (its owner's balance is full) must not keep the others.
                    Err(Fault::Refused(refusal)) => {
                        tracing::warn!(code = refusal.code().as_str(), "a due hold stays");
                    }
                    Err(fault) => return Err(fault),
                }
            }
            if !progress {
                lock.rollback().await?;
                return Ok(Sweep::Swept(given_back));
            }
        }
    }
}
