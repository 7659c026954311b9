//! Ends a hold: captured, released, or given back after its expiry.

use database::{Pool, run};
use shared::ids::UserId;

use crate::counters::Counters;
use crate::failure::LedgerFailure;
use crate::outcome::{SettledHold, receipt};
use crate::retry::Attempts;
use crate::rules::{
    Caller, Hold, HoldId, HoldState, IdempotencyKey, IdempotencyToken, LedgerError, Settlement,
};
use crate::statements::{self, Ending, Found, SeenHold, Settled};

/// How many expired holds one round gives back, of the sweeper or of a user's own request.
pub(crate) const ROUND: i64 = 100;

/// Gives back the expired holds of `user`. `true` when there were any.
pub(crate) async fn expire_due_of(
    pool: &Pool,
    counters: &Counters,
    user: UserId,
) -> Result<bool, LedgerFailure> {
    let due = run(pool, |mut connection| async move {
        statements::due_holds_of(&mut connection, user, ROUND).await
    })
    .await?;
    let mut any = false;
    for hold in due {
        any |= expire_one(pool, counters, hold).await?;
    }
    Ok(any)
}

/// Gives back `hold` if it has expired and is still open. `true` when this call gave it back.
pub(crate) async fn expire_one(
    pool: &Pool,
    counters: &Counters,
    hold: HoldId,
) -> Result<bool, LedgerFailure> {
    let token = IdempotencyToken {
        caller: Caller::origin(),
        key: IdempotencyKey::hold_expiry(hold),
    };
    let ending = Ending {
        token: &token,
        hash: Settlement::Release.request_hash(hold),
        hold,
        capture: Some(0),
        state: HoldState::Expired,
        reason: "hold expired",
    };
    match end(pool, counters, "expire", ending).await {
        Ok(settled) if !settled.receipt.replayed => {
            counters.expired();
            Ok(true)
        }
        // Another process gave it back or settled it first, or the hold has not expired.
        Ok(_) | Err(LedgerFailure::Refused(LedgerError::HoldSettled)) => Ok(false),
        Err(failure) => Err(failure),
    }
}

pub(crate) async fn end(
    pool: &Pool,
    counters: &Counters,
    statement: &'static str,
    ending: Ending<'_>,
) -> Result<SettledHold, LedgerFailure> {
    let mut attempts = Attempts::new(statement, counters);
    loop {
        let settled =
            pool.once(|mut connection| async move { statements::settle(&mut connection, ending).await });
        let settled = match settled.await? {
            Ok(settled) => settled,
            Err(error) if is_overflow(&error) => return Err(LedgerError::BalanceOverflow.into()),
            Err(error) => {
                attempts.again_after(error).await?;
                continue;
            }
        };
        let Settled { hold, found } = settled;
        match (hold, found) {
            (Some(hold), Some(found)) => return ended(counters, ending, &hold, found),
            // The statement found the key but not the hold: the key belongs to another request.
            (None, Some(_)) => return Err(LedgerError::IdempotencyKeyReused.into()),
            (None, None) => return Err(LedgerError::HoldNotFound.into()),
            (Some(hold), None) => match endable(&hold, ending) {
                Ok(()) => attempts.again_raced().await?,
                Err(refusal) => return Err(refusal.into()),
            },
        }
    }
}

/// Whether the hold in the snapshot can end this way.
fn endable(hold: &SeenHold, ending: Ending<'_>) -> Result<(), LedgerError> {
    if !hold.own && ending.state != HoldState::Expired {
        // The same answer as for a hold that does not exist: callers cannot probe the ids of others.
        Err(LedgerError::HoldNotFound)
    } else if hold.state != Some(HoldState::Reserved) || hold.due != (ending.state == HoldState::Expired) {
        Err(LedgerError::HoldSettled)
    } else if ending.capture.is_some_and(|amount| amount > hold.amount.get()) {
        Err(LedgerError::HoldTooSmall)
    } else {
        Ok(())
    }
}

fn ended(
    counters: &Counters,
    ending: Ending<'_>,
    hold: &SeenHold,
    found: Found,
) -> Result<SettledHold, LedgerFailure> {
    let receipt = receipt(counters, ending.hash, found)?;
    // The same statement gave back the rest right after the capture.
    let (captured, went_back) = if ending.state == HoldState::Captured {
        let captured = receipt.transfer.amount;
        (captured, hold.amount.get().saturating_sub(captured))
    } else {
        (0, 0)
    };
    Ok(SettledHold {
        token_balance: receipt.transfer.balance_after.saturating_add(went_back),
        hold: Hold {
            id: ending.hold,
            user: hold.user,
            amount: hold.amount,
            captured,
            state: ending.state,
            expires_at: hold.expires_at,
        },
        receipt,
    })
}

/// `numeric_value_out_of_range`: the returned tokens do not fit the balance column.
fn is_overflow(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|database| database.code())
        .is_some_and(|code| code == "22003")
}
