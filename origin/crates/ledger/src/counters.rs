//! Counts of the ledger's events for the metrics endpoint; no label names a user.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since the process started.
        #[derive(Debug, Default)]
        pub struct Counters { $($name: AtomicU64,)* }

        /// [`Counters`] at one moment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct CounterSnapshot { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            /// The current counts.
            #[must_use]
            pub fn snapshot(&self) -> CounterSnapshot {
                CounterSnapshot { $($name: self.$name.load(Ordering::Relaxed),)* }
            }

            $(
                pub(crate) fn $name(&self) {
                    self.$name.fetch_add(1, Ordering::Relaxed);
                }
            )*
        }

        impl CounterSnapshot {
            /// Every count with its name, for an exposition format.
            #[must_use]
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

counters! {
    /// Movements written.
    moved,
    /// Requests answered with an earlier answer.
    replayed,
    /// Requests refused.
    refused,
    /// Statements that carried more than one movement.
    batches,
    /// Batches that fell back to single movements.
    batches_split,
    /// Statements that were retried because PostgreSQL ended them to break a deadlock.
    retried_deadlock,
    /// Statements that were retried because PostgreSQL could not order transactions.
    retried_serialization,
    /// Statements that were retried because another one used the same key.
    retried_same_key,
    /// Statements that were retried because the balance or the hold changed during the statement.
    retried_raced,
    /// Statements that were retried because the connection was lost.
    retried_connection,
    /// Statements that failed at their last attempt.
    exhausted,
    /// Expired holds that were given back.
    expired,
}
