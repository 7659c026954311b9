//! A movement in the ledger, as every statement answers it.

use shared::api::ledger::Transfer;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

/// A movement that is in the ledger now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its row.
    pub transfer: Transfer,
    /// The hash of the earlier request that made it; `None` when this statement made it.
    pub made_for: Option<Vec<u8>>,
}

/// The answer of a statement that changes a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// It is in the ledger.
    Found(T),
    /// The statement did not make it. The balance in the statement's snapshot, `None` when there is no such user.
    NotMoved {
        /// In tokens.
        seen_balance: Option<i32>,
    },
}

impl<T> Answer<T> {
    pub(super) fn not_moved(row: &PgRow) -> sqlx::Result<Self> {
        let seen_balance = row.try_get("seen_balance")?;
        Ok(Self::NotMoved { seen_balance })
    }
}

impl Found {
    /// Reads the columns `transfer` (its row in JSON, by the names of [`Transfer`]) and `request_hash`; `None` when the statement neither
    /// made nor found a movement.
    pub(super) fn from_row(row: &PgRow) -> sqlx::Result<Option<Self>> {
        let made_for = row.try_get("request_hash")?;
        let transfer: Option<Json<Transfer>> = row.try_get("transfer")?;
        Ok(transfer.map(|Json(transfer)| Self { transfer, made_for }))
    }
}
