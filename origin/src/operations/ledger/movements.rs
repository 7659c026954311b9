//! Credits, debits, and the list of what happened.

use database::{Pool, read};
use shared::ids::UserId;
use uuid::Uuid;

use super::{Attempts, Counters, Fault, Ledger, holds};
use crate::domain::ledger::{
    Account, Caller, Cursor, Direction, IdempotencyKey, IdempotencyToken, LedgerError, MAX_BALANCE, Movement,
    PageSize, Receipt, SystemAccount, Transfer, TransferKind,
};
use crate::postgres::ledger::{self as statements, Found, MoveRow};

/// One page of a person's transfers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferPage {
    /// Newest first.
    pub transfers: Vec<Transfer>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

impl Ledger {
    /// Credits or debits a person, once for each `token`. Movements of one person that wait together share a statement.
    ///
    /// # Errors
    /// A refusal of [`LedgerError`], which changed nothing; otherwise the database gave no answer, and the same token tells
    /// later whether it moved.
    pub async fn move_tokens(&self, token: IdempotencyToken, movement: Movement) -> Result<Receipt, Fault> {
        self.lanes.make(token, movement).await
    }

    /// Credits or debits a person for a caller that names no key, as callers of the old contract do. It is made once, also when
    /// the connection to the database breaks; but the caller's own repeat is another movement.
    ///
    /// # Errors
    /// As [`Ledger::move_tokens`].
    pub async fn move_tokens_unnamed(&self, caller: Caller, movement: Movement) -> Result<Receipt, Fault> {
        let key = IdempotencyKey::fresh(Uuid::new_v4());
        self.move_tokens(IdempotencyToken { caller, key }, movement).await
    }

    /// A page of the transfers of `user`, newest first.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub async fn transfers(
        &self,
        user: UserId,
        cursor: Option<Cursor>,
        size: PageSize,
    ) -> Result<TransferPage, Fault> {
        let transfers = read(&self.pool, |mut connection| async move {
            statements::transfers(&mut connection, user, cursor, size).await
        })
        .await?;
        let full = i64::try_from(transfers.len()).is_ok_and(|count| count == size.get());
        // Versions have no gap and begin at 0 or 1, so a full page that ends above 1 is not the last.
        let next = transfers
            .last()
            .filter(|last| full && last.version > 0)
            .map(|last| Cursor { before: last.version });
        Ok(TransferPage { transfers, next })
    }
}

/// Makes one movement with a statement of its own.
pub(super) async fn make_one(
    pool: &Pool,
    counters: &Counters,
    token: &IdempotencyToken,
    movement: &Movement,
) -> Result<Receipt, Fault> {
    let mut attempts = Attempts::new("move", counters);
    let mut touched = false;
    loop {
        let moved = pool.once(|mut connection| async move {
            statements::move_tokens(&mut connection, token, movement).await
        });
        let seen_balance = match moved.await? {
            Ok(MoveRow::Found(found)) => return receipt(counters, movement, &found),
            Ok(MoveRow::NotMoved { seen_balance }) => seen_balance,
            Err(error) => {
                attempts.again_after(error).await?;
                continue;
            }
        };
        let Err(refusal) = allowed(seen_balance, movement.delta()) else {
            // The snapshot would have allowed it: somebody moved tokens while the statement waited for the row.
            attempts.again_raced().await?;
            continue;
        };
        if refusal == LedgerError::InsufficientTokens && !touched {
            touched = true;
            if holds::expire_due_of(pool, counters, movement.user).await? {
                continue;
            }
        }
        counters.refused();
        return Err(refusal.into());
    }
}

/// Whether a balance allows a change: by the one the snapshot saw, `None` when it saw no such person.
pub(super) fn allowed(seen_balance: Option<i32>, delta: i64) -> Result<(), LedgerError> {
    let balance = i64::from(seen_balance.ok_or(LedgerError::UserNotFound)?);
    let after = balance.saturating_add(delta);
    if after < 0 {
        Err(LedgerError::InsufficientTokens)
    } else if after > i64::from(MAX_BALANCE) {
        Err(LedgerError::BalanceOverflow)
    } else {
        Ok(())
    }
}

/// The answer for a movement that is in the ledger, the same for the request that made it and for each repeat.
pub(super) fn receipt(counters: &Counters, movement: &Movement, found: &Found) -> Result<Receipt, Fault> {
    let replayed = recognise(counters, &movement.request_hash().0, found)?;
    let user = Account::User(movement.user).to_string();
    let (kind, debit_account, credit_account) = match movement.direction {
        Direction::Credit => (
            TransferKind::Credit,
            Account::System(SystemAccount::Issued).to_string(),
            user,
        ),
        Direction::Debit => (
            TransferKind::Debit,
            user,
            Account::System(SystemAccount::Spent).to_string(),
        ),
    };
    Ok(Receipt {
        transfer: Transfer {
            id: found.position.id,
            version: found.position.version,
            user: movement.user,
            kind,
            debit_account,
            credit_account,
            amount: movement.amount,
            balance_after: found.position.balance_after,
            reason: movement.reason.as_str().to_owned(),
            reference: movement
                .reference
                .as_ref()
                .map(|reference| reference.as_str().to_owned()),
            hold: None,
            created_at: found.position.created_at,
        },
        replayed,
    })
}

/// Whether `found` repeats an earlier answer. Equal hashes mean equal requests, so everything else about it is known.
///
/// # Errors
/// [`LedgerError::IdempotencyKeyReused`] when it was made for another request.
pub(super) fn recognise(counters: &Counters, hash: &[u8; 32], found: &Found) -> Result<bool, LedgerError> {
    match &found.made_for {
        None => {
            counters.moved();
            Ok(false)
        }
        Some(made_for) if made_for == hash => {
            counters.replayed();
            Ok(true)
        }
        Some(_) => {
            counters.refused();
            Err(LedgerError::IdempotencyKeyReused)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_allowed_within_zero_and_the_largest_balance() {
        use LedgerError::{BalanceOverflow, InsufficientTokens, UserNotFound};
        for (balance, delta, expected) in [
            (None, 1, Err(UserNotFound)),
            (Some(0), -1, Err(InsufficientTokens)),
            (Some(5), -5, Ok(())),
            (Some(5), -6, Err(InsufficientTokens)),
            (Some(MAX_BALANCE), 1, Err(BalanceOverflow)),
            (Some(MAX_BALANCE - 1), 1, Ok(())),
            (Some(0), i64::from(MAX_BALANCE), Ok(())),
        ] {
            assert_eq!(allowed(balance, delta), expected, "{balance:?} {delta}");
        }
    }
}
