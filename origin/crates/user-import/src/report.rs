//! What a run came to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ImportError;

/// What a run came to so far. Everybody is in exactly one of the counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Imported with their hash, and linked.
    pub imported: u64,
    /// Linked to the account they had already under our id.
    pub found: u64,
    /// Linked by somebody else before it was their turn: they signed in.
    pub moved_elsewhere: u64,
    /// Not to be imported, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Refused, by code. A new run tries them again.
    pub failed: BTreeMap<String, u64>,
    /// Turns that were given back because the row changed meanwhile.
    pub retried: u64,
}

impl Report {
    /// How many users this run is done with.
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

/// What somebody who watches a run is told.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Users were brought.
    Moved(&'a Report),
    /// Nothing can be taken; so many are with other processes.
    Waiting(i64),
    /// A call failed and will be made again.
    Trouble(&'a ImportError),
}
