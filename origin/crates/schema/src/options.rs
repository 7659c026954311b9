//! The options of a run, and its progress reports.

use std::time::Duration;

use super::session::Patience;

/// The options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long to retry for a lock that another session holds. No other session waits meanwhile.
    pub lock_patience: Duration,
    /// How long the server may do no work for the migration before its connection counts as dead.
    pub silence: Duration,
    /// Rows a batch of a back-fill.
    pub batch_size: i64,
    /// Go down even if data is lost that cannot be computed again.
    pub accept_loss: bool,
    /// Check the way down without taking it.
    pub rehearse_down: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_patience: Duration::from_secs(600),
            silence: Patience::default().silence,
            batch_size: 500,
            accept_loss: false,
            rehearse_down: false,
        }
    }
}

impl Options {
    pub(super) const fn patience(&self) -> Patience {
        Patience {
            silence: self.silence,
            standby: self.lock_patience,
        }
    }
}

/// The progress of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A migration starts.
    Started(&'static str),
    /// A migration is done and recorded.
    Done {
        /// The migration.
        migration: &'static str,
        /// Its duration, waits included.
        took: Duration,
    },
    /// Another session holds a lock; the run retries.
    LockBusy {
        /// The migration that waits.
        migration: &'static str,
        /// The time since its first attempt.
        waited: Duration,
    },
    /// A half-built index is dropped before it is built again.
    DroppingInvalidIndex {
        /// The migration of the index.
        migration: &'static str,
        /// `schema.name`.
        index: String,
    },
    /// A back-fill goes on.
    Batch {
        /// The migration.
        migration: &'static str,
        /// The batches so far.
        batches: u64,
    },
}
