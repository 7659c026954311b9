//! The counts of a run.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ImportError;

/// The counts of a run so far. Every user is in exactly one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Imported with their hash, then linked.
    pub imported: u64,
    /// Linked to the account that they already had under our id.
    pub found: u64,
    /// Linked by another process before their turn: they signed in.
    pub moved_elsewhere: u64,
    /// Not importable, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Refused, by code. A new run tries them again.
    pub failed: BTreeMap<String, u64>,
    /// Turns without a result because the row changed meanwhile.
    pub retried: u64,
}

impl Report {
    /// How many users have a result.
    #[must_use]
    pub fn settled(&self) -> u64 {
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        self.imported
            .saturating_add(self.found)
            .saturating_add(self.moved_elsewhere)
            .saturating_add(sum(&self.skipped))
            .saturating_add(sum(&self.failed))
    }
}

/// The progress of a run for its watcher.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Users were moved.
    Moved(&'a Report),
    /// No user can be taken; other processes hold so many.
    Waiting(i64),
    /// A call failed and will be repeated.
    Trouble(&'a ImportError),
}
