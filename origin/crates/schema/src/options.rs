//! How a run behaves, and what it reports meanwhile.

use std::time::Duration;

use super::session::Patience;

/// How a run behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long to keep trying for a lock that others hold before giving up. Nobody else waits meanwhile.
    pub lock_patience: Duration,
    /// How long the server may have nothing to do for the migration before its connection counts as silently dead.
    pub silence: Duration,
    /// Rows a batch of a back-fill.
    pub batch_size: i64,
    /// Go down although data is lost that cannot be computed again.
    pub accept_loss: bool,
    /// Check whether it could go down, and do not.
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

/// What happens while a run lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A migration starts.
    Started(&'static str),
    /// A migration is done and recorded.
    Done {
        /// Which.
        migration: &'static str,
        /// From its start, waiting included.
        took: Duration,
    },
    /// Someone holds a lock; trying again.
    LockBusy {
        /// Which migration waits.
        migration: &'static str,
        /// Since its first attempt.
        waited: Duration,
    },
    /// An index left behind half built is removed so that it can be built again.
    DroppingInvalidIndex {
        /// Whose index it is.
        migration: &'static str,
        /// `schema.name`.
        index: String,
    },
    /// A back-fill goes on.
    Batch {
        /// Which.
        migration: &'static str,
        /// Done so far.
        batches: u64,
    },
}
