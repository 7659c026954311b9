//! How often what happened. Read by the metrics endpoint; no label names a user.

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
            /// The counts now.
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
    /// Batches that had to be made one by one.
    batches_split,
    /// Statements run again because PostgreSQL chose them to end a deadlock.
    retried_deadlock,
    /// Statements run again because transactions could not be ordered.
    retried_serialization,
    /// Statements run again because another one was using the same key.
    retried_same_key,
    /// Statements run again because the balance or the hold changed under them.
    retried_raced,
    /// Statements run again because the connection was lost.
    retried_connection,
    /// Statements given up after the last attempt.
    exhausted,
    /// Holds whose time was up and that were given back.
    expired,
}
