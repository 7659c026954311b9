//! The result of a comparison.

use std::fmt;

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

/// The outcome of `origin migrate verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The number of compared objects.
    pub checked: Checked,
    /// The faults; empty is good.
    pub differences: Vec<String>,
    /// Allowed differences that an operator should know.
    pub notes: Vec<String>,
    /// The distribution of users; absent while there are differences, since the columns may be missing.
    pub users: Option<Distribution>,
}

/// How many objects were compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Columns.
    pub columns: u32,
    /// Constraints.
    pub constraints: u32,
    /// Indexes.
    pub indexes: u32,
    /// Triggers.
    pub triggers: u32,
}

/// How the rows of `auth.users` are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Distribution {
    /// All rows.
    pub total: i64,
    /// Password here only.
    pub local: i64,
    /// Password at Firebase only.
    pub firebase: i64,
    /// Linked, with the old hash still in the row.
    pub hybrid: i64,
    /// Users with a pending synchronisation with Firebase.
    pub syncing: i64,
    /// To be tried again.
    pub failed: i64,
    /// Disabled at Firebase.
    pub disabled: i64,
    /// Deactivated here.
    pub inactive: i64,
    /// Deleted in the legacy service's way, by renaming the address.
    pub deleted: i64,
    /// Phone and anonymous accounts.
    pub without_email: i64,
    /// Administrators and moderators.
    pub staff: i64,
    /// All balances together.
    pub tokens: i64,
}

impl FromRow<'_, PgRow> for Distribution {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            total: row.try_get("total")?,
            local: row.try_get("local")?,
            firebase: row.try_get("firebase")?,
            hybrid: row.try_get("hybrid")?,
            syncing: row.try_get("syncing")?,
            failed: row.try_get("failed")?,
            disabled: row.try_get("disabled")?,
            inactive: row.try_get("inactive")?,
            deleted: row.try_get("deleted")?,
            without_email: row.try_get("without_email")?,
            staff: row.try_get("staff")?,
            tokens: row.try_get("tokens")?,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checked {
            columns,
            constraints,
            indexes,
            triggers,
        } = self.checked;
        writeln!(
            f,
            "compared: {columns} columns, {constraints} constraints, {indexes} indexes, {triggers} triggers"
        )?;
        match self.differences.as_slice() {
            [] => writeln!(f, "differences: none")?,
            differences => {
                writeln!(f, "differences: {}", differences.len())?;
                differences
                    .iter()
                    .try_for_each(|difference| writeln!(f, "  - {difference}"))?;
            }
        }
        self.notes
            .iter()
            .try_for_each(|note| writeln!(f, "note: {note}"))?;
        let Some(users) = &self.users else { return Ok(()) };
        writeln!(f, "users: {}", users.total)?;
        for (label, count) in [
            ("local", users.local),
            ("firebase", users.firebase),
            ("hybrid", users.hybrid),
            ("syncing", users.syncing),
            ("sync failed", users.failed),
            ("disabled at Firebase", users.disabled),
            ("deactivated", users.inactive),
            ("deleted", users.deleted),
            ("without e-mail", users.without_email),
            ("administrators and moderators", users.staff),
        ] {
            writeln!(f, "  {label:30} {count:>12}")?;
        }
        writeln!(f, "  {:30} {:>12}", "tokens in balances", users.tokens)
    }
}
