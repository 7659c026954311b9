//! The ledger's handle for callers, and its reads.

use std::sync::Arc;
use std::time::Duration;

use database::{Pool, read};
use shared::ids::UserId;

use crate::counters::Counters;
use crate::failure::LedgerFailure;
use crate::queue::Queue;
use crate::rules::LedgerError;
use crate::statements::{self, Balance, Difference};

/// How long a read of the whole ledger may take.
const PATIENCE: Duration = Duration::from_secs(3600);

/// The token ledger. Cheap to clone; clones share the pool, the counters and the queues.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(crate) pool: Pool,
    pub(crate) counters: Arc<Counters>,
    pub(crate) queue: Arc<Queue>,
}

impl Ledger {
    /// The ledger in the database of `pool`.
    #[must_use]
    pub fn new(pool: impl Into<Pool>) -> Self {
        let pool = pool.into();
        let counters = Arc::new(Counters::default());
        let queue = Arc::new(Queue::new(pool.clone(), Arc::clone(&counters)));
        Self {
            pool,
            counters,
            queue,
        }
    }

    /// The counts so far, for metrics.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The balance of `user`. Writes nothing: an expired hold counts as held until it is given back.
    ///
    /// # Errors
    /// [`LedgerError::UserNotFound`]; [`LedgerFailure::Database`].
    pub async fn balance(&self, user: UserId) -> Result<Balance, LedgerFailure> {
        read(&self.pool, |mut connection| async move {
            statements::balance(&mut connection, user).await
        })
        .await?
        .ok_or_else(|| LedgerError::UserNotFound.into())
    }

    /// All broken guarantees; empty when every guarantee holds. Reads the whole ledger in one snapshot.
    ///
    /// # Errors
    /// [`LedgerFailure::Database`].
    pub async fn reconcile(&self) -> Result<Vec<Difference>, LedgerFailure> {
        let differences = self.pool.transaction(PATIENCE, |mut connection| async move {
            statements::lift_time_limit(&mut connection).await?;
            statements::differences(&mut connection).await
        });
        Ok(differences.await?)
    }
}
