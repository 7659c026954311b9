//! Reads. None of them writes.

use shared::ids::UserId;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::position::tokens;
use crate::rules::{Amount, Cursor, HoldId, PageSize, Transfer, TransferKind};

/// A user's balance, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Tokens that the user can spend.
    pub spendable: i32,
    /// Tokens that holds reserve.
    pub held: i64,
}

/// The balance of `user`, `None` when there is no such user.
///
/// # Errors
/// Those of the database.
pub async fn balance(connection: &mut PgConnection, user: UserId) -> sqlx::Result<Option<Balance>> {
    let row = sqlx::query(
        "SELECT token_balance, \
                (SELECT coalesce(sum(amount), 0)::bigint FROM auth.token_holds \
                 WHERE user_id = $1 AND state = 'reserved') AS held \
         FROM auth.users WHERE id = $1",
    )
    .bind(user.0)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Balance {
            spendable: row.try_get("token_balance")?,
            held: row.try_get("held")?,
        })
    })
    .transpose()
}

/// Up to `size` transfers of `user`, newest first, after `cursor`.
///
/// # Errors
/// Those of the database.
pub async fn transfers(
    connection: &mut PgConnection,
    user: UserId,
    cursor: Option<Cursor>,
    size: PageSize,
) -> sqlx::Result<Vec<Transfer>> {
    let rows = sqlx::query(
        "SELECT id, version, kind, debit_account, credit_account, amount, balance_after, reason, reference, hold_id, created_at \
         FROM auth.token_transfers WHERE user_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
    )
    .bind(user.0)
    .bind(cursor.map_or(i64::MAX, |cursor| cursor.before))
    .bind(size.get())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| transfer(row, user)).collect()
}

fn transfer(row: &PgRow, user: UserId) -> sqlx::Result<Transfer> {
    let broken = |column: &str, rule: &str| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: rule.to_owned().into(),
    };
    let kind: &str = row.try_get("kind")?;
    Ok(Transfer {
        id: row.try_get("id")?,
        version: row.try_get("version")?,
        user,
        kind: TransferKind::parse(kind).ok_or_else(|| broken("kind", "is not a kind of transfer"))?,
        debit_account: row.try_get("debit_account")?,
        credit_account: row.try_get("credit_account")?,
        amount: Amount::new(row.try_get("amount")?).map_err(|error| broken("amount", &error.to_string()))?,
        balance_after: tokens(row, "balance_after")?,
        reason: row.try_get("reason")?,
        reference: row.try_get("reference")?,
        hold: row.try_get::<Option<Uuid>, _>("hold_id")?.map(HoldId),
        created_at: row.try_get("created_at")?,
    })
}

/// One broken guarantee, as the view `auth.ledger_differences` states it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The guarantee: `balance`, `version`, `chain`, `gap` or `hold`.
    pub kind: String,
    /// The user with the account.
    pub user_id: Uuid,
    /// The hold, for `hold`.
    pub hold_id: Option<Uuid>,
    /// The value by the transfers.
    pub expected: i64,
    /// The stored value.
    pub actual: i64,
}

/// Lifts the time limit of requests for the rest of the transaction: its statement reads every row.
///
/// # Errors
/// Those of the database.
pub async fn lift_time_limit(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SET LOCAL statement_timeout = 0")
        .execute(connection)
        .await?;
    Ok(())
}

/// All broken guarantees; empty when every guarantee holds. Reads the whole ledger.
///
/// # Errors
/// Those of the database.
pub async fn differences(connection: &mut PgConnection) -> sqlx::Result<Vec<Difference>> {
    let rows = sqlx::query(
        "SELECT kind, user_id, hold_id, expected::bigint AS expected, actual::bigint AS actual \
         FROM auth.ledger_differences ORDER BY kind, user_id, hold_id",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Difference {
                kind: row.try_get("kind")?,
                user_id: row.try_get("user_id")?,
                hold_id: row.try_get("hold_id")?,
                expected: row.try_get("expected")?,
                actual: row.try_get("actual")?,
            })
        })
        .collect()
}
