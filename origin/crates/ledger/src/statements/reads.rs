//! Reads. None of them writes.

use shared::api::ledger::Transfer;
use shared::ids::UserId;
use sqlx::types::Json;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::rules::{Cursor, PageSize};

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
    let transfers: Vec<Json<Transfer>> = sqlx::query_scalar(
        "SELECT row_to_json(transfer) FROM auth.token_transfers AS transfer \
         WHERE user_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
    )
    .bind(user.0)
    .bind(cursor.map_or(i64::MAX, |cursor| cursor.before))
    .bind(size.get())
    .fetch_all(connection)
    .await?;
    Ok(transfers.into_iter().map(|Json(transfer)| transfer).collect())
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
