//! Where a movement stands in the ledger, as every statement answers it.

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

/// The position of a movement in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Number in the whole ledger.
    pub id: i64,
    /// Number among the user's transfers.
    pub version: i64,
    /// The user's spendable balance after it.
    pub balance_after: i32,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A movement that is in the ledger now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its position.
    pub position: Position,
    /// The hash of the earlier request that made it; `None` when this statement made it.
    pub made_for: Option<Vec<u8>>,
}

impl Found {
    /// Reads the columns of every answer; `None` when the statement neither made nor found a movement.
    pub(super) fn from_row(row: &PgRow) -> sqlx::Result<Option<Self>> {
        let Some(id) = row.try_get::<Option<i64>, _>("id")? else {
            return Ok(None);
        };
        let position = Position {
            id,
            version: row.try_get("version")?,
            balance_after: tokens(row, "balance_after")?,
            created_at: row.try_get("created_at")?,
        };
        let made_for = if row.try_get("replayed")? {
            // A row without a hash cannot be found by key; an empty hash equals no request's hash.
            Some(row.try_get::<Option<_>, _>("request_hash")?.unwrap_or_default())
        } else {
            None
        };
        Ok(Some(Self { position, made_for }))
    }
}

/// Reads a `bigint` that holds a number of tokens.
pub(super) fn tokens(row: &PgRow, column: &str) -> sqlx::Result<i32> {
    let wide: i64 = row.try_get(column)?;
    i32::try_from(wide).map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(error),
    })
}
