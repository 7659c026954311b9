//! Makes one movement and its receipt.

use database::Pool;

use crate::counters::Counters;
use crate::expiry::expire_due_of;
use crate::failure::LedgerFailure;
use crate::outcome::{allowed, recognise};
use crate::retry::Attempts;
use crate::rules::{
    Account, Direction, IdempotencyToken, LedgerError, Movement, Receipt, SystemAccount, Transfer,
    TransferKind,
};
use crate::statements::{self, Found, MoveRow};

/// Makes one movement with a statement of its own.
pub(crate) async fn make_one(
    pool: &Pool,
    counters: &Counters,
    token: &IdempotencyToken,
    movement: &Movement,
) -> Result<Receipt, LedgerFailure> {
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
            // The snapshot would have allowed it: another statement moved tokens while this one waited for the row.
            attempts.again_raced().await?;
            continue;
        };
        if refusal == LedgerError::InsufficientTokens && !touched {
            touched = true;
            if expire_due_of(pool, counters, movement.user).await? {
                continue;
            }
        }
        counters.refused();
        return Err(refusal.into());
    }
}

/// The receipt of a movement in the ledger, equal for the first request and for each repeat.
pub(crate) fn receipt(
    counters: &Counters,
    movement: &Movement,
    found: &Found,
) -> Result<Receipt, LedgerFailure> {
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
