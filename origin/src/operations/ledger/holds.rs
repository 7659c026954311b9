//! Reserve, capture, release; and giving back what nobody settled in time.

use chrono::{DateTime, Utc};
use database::{Pool, run};
use shared::ids::UserId;
use uuid::Uuid;

use super::movements::{allowed, recognise};
use super::{Attempts, Counters, Fault, Ledger};
use crate::domain::ledger::{
    Account, Amount, Caller, Hold, HoldId, HoldRequest, HoldState, IdempotencyKey, IdempotencyToken,
    LedgerError, Receipt, Settlement, SystemAccount, Transfer, TransferKind,
};
use crate::postgres::ledger::{self as statements, Ending, Found, Reserved, SeenHold, Settled};

/// How many due holds one touch or one round of the sweeper gives back.
pub(super) const ROUND: i64 = 100;

/// Tokens that were set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The hold, as it was when it was made.
    pub hold: Hold,
    /// The movement to the hold's account.
    pub receipt: Receipt,
}

/// A hold that was captured or released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledHold {
    /// The hold, as it ended.
    pub hold: Hold,
    /// The movement that carries the key: to `system:spent` for a capture, back to the person for a release.
    pub receipt: Receipt,
    /// The person's spendable balance after all of it, in tokens; a part that was not captured has gone back.
    pub token_balance: i32,
}

impl Ledger {
    /// Sets tokens aside, once for each `token`.
    ///
    /// # Errors
    /// As [`Ledger::move_tokens`].
    pub async fn reserve(
        &self,
        token: &IdempotencyToken,
        request: &HoldRequest,
    ) -> Result<Reservation, Fault> {
        let mut attempts = self.attempts("reserve");
        let mut touched = false;
        let id = HoldId(Uuid::new_v4());
        loop {
            let reserved = self.pool.once(|mut connection| async move {
                statements::reserve(&mut connection, token, request, id).await
            });
            let seen_balance = match reserved.await? {
                Ok(Reserved::Found { found, hold }) => return self.reservation(request, &found, hold),
                Ok(Reserved::NotMoved { seen_balance }) => seen_balance,
                Err(error) => {
                    attempts.again_after(error).await?;
                    continue;
                }
            };
            let delta = i64::from(request.amount.get()).saturating_neg();
            let Err(refusal) = allowed(seen_balance, delta) else {
                attempts.again_raced().await?;
                continue;
            };
            if refusal == LedgerError::InsufficientTokens && !touched {
                touched = true;
                if expire_due_of(&self.pool, &self.counters, request.user).await? {
                    continue;
                }
            }
            self.counters.refused();
            return Err(refusal.into());
        }
    }

    fn reservation(
        &self,
        request: &HoldRequest,
        found: &Found,
        hold: Option<(HoldId, DateTime<Utc>)>,
    ) -> Result<Reservation, Fault> {
        let replayed = recognise(&self.counters, &request.request_hash().0, found)?;
        // The hash says that a hold was asked for, so the row has one.
        let (id, expires_at) = hold.ok_or(LedgerError::IdempotencyKeyReused)?;
        let transfer = Transfer {
            id: found.position.id,
            version: found.position.version,
            user: request.user,
            kind: TransferKind::Reserve,
            debit_account: Account::User(request.user).to_string(),
            credit_account: Account::Hold(id).to_string(),
            amount: request.amount,
            balance_after: found.position.balance_after,
            reason: request.reason.as_str().to_owned(),
            reference: request
                .reference
                .as_ref()
                .map(|reference| reference.as_str().to_owned()),
            hold: Some(id),
            created_at: found.position.created_at,
        };
        Ok(Reservation {
            hold: Hold {
                id,
                user: request.user,
                amount: request.amount,
                captured: 0,
                state: HoldState::Reserved,
                expires_at,
            },
            receipt: Receipt { transfer, replayed },
        })
    }

    /// Captures or releases a hold of `token`'s caller, once. Of several that race, with whatever tokens, one succeeds.
    ///
    /// # Errors
    /// [`LedgerError::HoldNotFound`] when there is none, or another caller reserved it; [`LedgerError::HoldSettled`] when it already ended (its time being up included), [`LedgerError::HoldTooSmall`] when more
    /// is to be captured than it holds, [`LedgerError::BalanceOverflow`] when the rest does not fit the balance any more
    /// (the hold then stays as it is); otherwise as [`Ledger::move_tokens`].
    pub async fn settle(
        &self,
        token: &IdempotencyToken,
        hold: HoldId,
        settlement: Settlement,
    ) -> Result<SettledHold, Fault> {
        let (state, capture, reason) = match settlement {
            Settlement::Capture(amount) => (HoldState::Captured, amount.map(Amount::get), "hold captured"),
            Settlement::Release => (HoldState::Released, Some(0), "hold released"),
        };
        let ending = Ending {
            token,
            hash: settlement.request_hash(hold),
            hold,
            capture,
            state,
            reason,
        };
        let outcome = end(&self.pool, &self.counters, "settle", ending).await;
        match outcome {
            Err(Fault::Refused(_)) => self.counters.refused(),
            Err(_) => {}
            Ok(_) => return outcome,
        }
        if let Err(Fault::Refused(LedgerError::HoldSettled)) = outcome {
            expire_one(&self.pool, &self.counters, hold).await?;
        }
        outcome
    }
}

/// Gives back the due holds of `user`. `true` when there were any.
pub(super) async fn expire_due_of(pool: &Pool, counters: &Counters, user: UserId) -> Result<bool, Fault> {
    let due = run(pool, |mut connection| async move {
        statements::due_holds(&mut connection, Some(user), ROUND).await
    })
    .await?;
    let mut any = false;
    for hold in due {
        any |= expire_one(pool, counters, hold).await?;
    }
    Ok(any)
}

/// Gives back `hold` if its time is up and nobody settled it. `true` when this call did.
pub(super) async fn expire_one(pool: &Pool, counters: &Counters, hold: HoldId) -> Result<bool, Fault> {
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
        // Somebody was faster, or the hold is not due.
        Ok(_) | Err(Fault::Refused(LedgerError::HoldSettled)) => Ok(false),
        Err(fault) => Err(fault),
    }
}

async fn end(
    pool: &Pool,
    counters: &Counters,
    statement: &'static str,
    ending: Ending<'_>,
) -> Result<SettledHold, Fault> {
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
            (Some(hold), Some((found, amount))) => return ended(counters, ending, hold, &found, amount),
            // The key was found, the hold was not: the key belongs to something else.
            (None, Some(_)) => return Err(LedgerError::IdempotencyKeyReused.into()),
            (None, None) => return Err(LedgerError::HoldNotFound.into()),
            (Some(hold), None) => match endable(&hold, ending) {
                Ok(()) => attempts.again_raced().await?,
                Err(refusal) => return Err(refusal.into()),
            },
        }
    }
}

/// Whether a hold can end so, by what the snapshot saw.
fn endable(hold: &SeenHold, ending: Ending<'_>) -> Result<(), LedgerError> {
    if !hold.own && ending.state != HoldState::Expired {
        // The same as for a hold that does not exist: ids of others cannot be probed.
        Err(LedgerError::HoldNotFound)
    } else if hold.state != Some(HoldState::Reserved) || hold.due != (ending.state == HoldState::Expired) {
        Err(LedgerError::HoldSettled)
    } else if ending.capture.is_some_and(|amount| amount > hold.amount) {
        Err(LedgerError::HoldTooSmall)
    } else {
        Ok(())
    }
}

fn ended(
    counters: &Counters,
    ending: Ending<'_>,
    hold: SeenHold,
    found: &Found,
    moved: i32,
) -> Result<SettledHold, Fault> {
    let replayed = recognise(counters, &ending.hash.0, found)?;
    let broken = |_| {
        Fault::from(sqlx::Error::Decode(
            "a transfer or a hold without an amount".into(),
        ))
    };
    let held = Amount::new(i64::from(hold.amount)).map_err(broken)?;
    let amount = Amount::new(i64::from(moved)).map_err(broken)?;
    let (kind, credit_account, captured) = if ending.state == HoldState::Captured {
        (
            TransferKind::Capture,
            Account::System(SystemAccount::Spent),
            moved,
        )
    } else {
        (TransferKind::Release, Account::User(hold.user), 0)
    };
    // What was not captured went back right behind the capture, in the same statement.
    let went_back = if kind == TransferKind::Capture {
        held.minus(amount).unwrap_or(0)
    } else {
        0
    };
    let transfer = Transfer {
        id: found.position.id,
        version: found.position.version,
        user: hold.user,
        kind,
        debit_account: Account::Hold(ending.hold).to_string(),
        credit_account: credit_account.to_string(),
        amount,
        balance_after: found.position.balance_after,
        reason: ending.reason.to_owned(),
        reference: hold.reference,
        hold: Some(ending.hold),
        created_at: found.position.created_at,
    };
    Ok(SettledHold {
        token_balance: transfer.balance_after.saturating_add(went_back),
        hold: Hold {
            id: ending.hold,
            user: hold.user,
            amount: held,
            captured,
            state: ending.state,
            expires_at: hold.expires_at,
        },
        receipt: Receipt { transfer, replayed },
    })
}

/// `numeric_value_out_of_range`: the balance column cannot hold what would go back.
fn is_overflow(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|database| database.code())
        .is_some_and(|code| code == "22003")
}
