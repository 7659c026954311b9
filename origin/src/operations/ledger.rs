//! What can be done with tokens: one use case, one file.
//!
//! Every movement is one SQL statement, so it is in the ledger completely or not at all, whenever a process dies. Every movement
//! has an idempotency key, so it can be sent again by whoever does not know which of the two it was: the caller, or [`Attempts`]
//! after a deadlock or a lost connection.

mod attempts;
mod balances;
mod counters;
mod fault;
mod holds;
mod lanes;
mod movements;
mod reconcile;
mod sweep;

use std::sync::Arc;

use database::Pool;

use attempts::Attempts;
pub use counters::{CounterSnapshot, Counters};
pub use fault::Fault;
pub use holds::{Reservation, SettledHold};
pub use movements::TransferPage;
pub use sweep::Sweep;

/// The token ledger. Cheap to clone; clones share the pool, the counters and the queues.
#[derive(Debug, Clone)]
pub struct Ledger {
    pool: Pool,
    counters: Arc<Counters>,
    lanes: Arc<lanes::Lanes>,
}

impl Ledger {
    /// The ledger in the database of `pool`.
    #[must_use]
    pub fn new(pool: impl Into<Pool>) -> Self {
        let pool = pool.into();
        let counters = Arc::new(Counters::default());
        let lanes = Arc::new(lanes::Lanes::new(pool.clone(), Arc::clone(&counters)));
        Self {
            pool,
            counters,
            lanes,
        }
    }

    /// What happened so far, for metrics.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn attempts(&self, statement: &'static str) -> Attempts<'_> {
        Attempts::new(statement, &self.counters)
    }
}
