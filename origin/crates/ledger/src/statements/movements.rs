//! Credits and debits.

use sqlx::{PgConnection, Row as _};

use super::position::Found;
use crate::rules::{Account, Direction, Excursion, IdempotencyToken, Movement, SystemAccount};

/// The result of one credit or debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveRow {
    /// It is in the ledger.
    Found(Found),
    /// The statement did not make it. The balance in the statement's snapshot, `None` when there is no such user.
    NotMoved {
        /// In tokens.
        seen_balance: Option<i32>,
    },
}

/// Runs `move.sql`: one round trip.
///
/// # Errors
/// Those of the database; a violation of [`super::IDEMPOTENCY_INDEX`] means that another statement uses the same key right now.
pub async fn move_tokens(
    connection: &mut PgConnection,
    token: &IdempotencyToken,
    movement: &Movement,
) -> sqlx::Result<MoveRow> {
    let (debit, credit) = accounts(movement);
    let row = sqlx::query(include_str!("move.sql"))
        .bind(token.caller.as_str())
        .bind(token.key.as_str())
        .bind(&movement.request_hash().0[..])
        .bind(movement.user.0)
        .bind(movement.delta())
        .bind(movement.direction.as_str())
        .bind(debit)
        .bind(credit)
        .bind(i64::from(movement.amount.get()))
        .bind(movement.reason.as_str())
        .bind(movement.reference.as_ref().map(|reference| reference.as_str()))
        .fetch_one(connection)
        .await?;
    Ok(match Found::from_row(&row)? {
        Some(found) => MoveRow::Found(found),
        None => MoveRow::NotMoved {
            seen_balance: row.try_get("seen_balance")?,
        },
    })
}

/// One movement of a batch that is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRow {
    /// The index of the movement, counted from 0.
    pub index: usize,
    /// Its position.
    pub found: Found,
}

/// Runs `move_batch.sql` for movements of one user: one round trip.
///
/// Answers one row for every movement (all were made), one for each movement with a used key (none was made), or no row.
///
/// # Errors
/// As [`move_tokens`].
pub async fn move_batch(
    connection: &mut PgConnection,
    movements: &[(&IdempotencyToken, &Movement)],
) -> sqlx::Result<Vec<BatchRow>> {
    let Some((_, first)) = movements.first() else {
        return Ok(Vec::new());
    };
    let excursion = Excursion::of(movements.iter().map(|(_, movement)| movement.delta()));
    let mut columns = Columns::default();
    for (token, movement) in movements {
        columns.push(token, movement);
    }
    let rows = sqlx::query(include_str!("move_batch.sql"))
        .bind(first.user.0)
        .bind(excursion.total)
        .bind(excursion.lowest)
        .bind(excursion.highest)
        .bind(columns.callers)
        .bind(columns.keys)
        .bind(columns.hashes)
        .bind(columns.changes_so_far)
        .bind(columns.kinds)
        .bind(columns.debit_accounts)
        .bind(columns.credit_accounts)
        .bind(columns.amounts)
        .bind(columns.reasons)
        .bind(columns.references)
        .fetch_all(connection)
        .await?;
    rows.iter().filter_map(|row| batch_row(row).transpose()).collect()
}

fn batch_row(row: &sqlx::postgres::PgRow) -> sqlx::Result<Option<BatchRow>> {
    let place: i64 = row.try_get("place")?;
    let index = usize::try_from(place.saturating_sub(1)).map_err(|error| sqlx::Error::ColumnDecode {
        index: "place".to_owned(),
        source: Box::new(error),
    })?;
    Ok(Found::from_row(row)?.map(|found| BatchRow { index, found }))
}

#[derive(Default)]
struct Columns<'a> {
    callers: Vec<&'a str>,
    keys: Vec<&'a str>,
    hashes: Vec<Vec<u8>>,
    changes_so_far: Vec<i64>,
    kinds: Vec<&'static str>,
    debit_accounts: Vec<String>,
    credit_accounts: Vec<String>,
    amounts: Vec<i64>,
    reasons: Vec<&'a str>,
    references: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, token: &'a IdempotencyToken, movement: &'a Movement) {
        let (debit, credit) = accounts(movement);
        let before = self.changes_so_far.last().copied().unwrap_or(0);
        self.callers.push(token.caller.as_str());
        self.keys.push(token.key.as_str());
        self.hashes.push(movement.request_hash().0.to_vec());
        self.changes_so_far.push(before.saturating_add(movement.delta()));
        self.kinds.push(movement.direction.as_str());
        self.debit_accounts.push(debit);
        self.credit_accounts.push(credit);
        self.amounts.push(i64::from(movement.amount.get()));
        self.reasons.push(movement.reason.as_str());
        self.references
            .push(movement.reference.as_ref().map(|reference| reference.as_str()));
    }
}

fn accounts(movement: &Movement) -> (String, String) {
    let user = Account::User(movement.user);
    let (debit, credit) = match movement.direction {
        Direction::Credit => (Account::System(SystemAccount::Issued), user),
        Direction::Debit => (user, Account::System(SystemAccount::Spent)),
    };
    (debit.to_string(), credit.to_string())
}
