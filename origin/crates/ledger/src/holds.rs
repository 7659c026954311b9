//! Reserve, capture, release.

use uuid::Uuid;

use crate::expiry::{end, expire_one};
use crate::failure::LedgerFailure;
use crate::handle::Ledger;
use crate::make::until_answered;
use crate::outcome::{Reservation, SettledHold, receipt};
use crate::rules::{Amount, Hold, HoldId, HoldRequest, HoldState, IdempotencyToken, LedgerError, Settlement};
use crate::statements::{self, Ending};

impl Ledger {
    /// Reserves tokens, once for each `token`.
    ///
    /// # Errors
    /// As [`Ledger::move_tokens`].
    pub async fn reserve(
        &self,
        token: &IdempotencyToken,
        request: &HoldRequest,
    ) -> Result<Reservation, LedgerFailure> {
        let (pool, counters) = (&self.pool, &self.counters);
        let change = (request.user, i64::from(request.amount.get()).saturating_neg());
        let id = HoldId(Uuid::new_v4());
        let found = until_answered(pool, counters, "reserve", change, |mut connection| async move {
            statements::reserve(&mut connection, token, request, id).await
        });
        let (found, expires_at) = found.await?;
        let receipt = receipt(counters, request.request_hash(), found)?;
        // The hash shows that the request asked for a hold: its row must have one.
        let hold = receipt.transfer.hold_id.map(HoldId).zip(expires_at);
        let (id, expires_at) = hold.ok_or(LedgerError::IdempotencyKeyReused)?;
        Ok(Reservation {
            hold: Hold {
                id,
                user: request.user,
                amount: request.amount,
                captured: 0,
                state: HoldState::Reserved,
                expires_at,
            },
            receipt,
        })
    }

    /// Captures or releases a hold of `token`'s caller, once. Of several requests that race, with any tokens, one succeeds.
    ///
    /// # Errors
    /// [`LedgerError::HoldNotFound`] when there is none, or another caller reserved it; [`LedgerError::HoldSettled`] when it already ended
    /// (expiry included), [`LedgerError::HoldTooSmall`] when the request captures more than it holds, [`LedgerError::BalanceOverflow`] when
    /// the rest no longer fits the balance (the hold then stays as it is); otherwise as [`Ledger::move_tokens`].
    pub async fn settle(
        &self,
        token: &IdempotencyToken,
        hold: HoldId,
        settlement: Settlement,
    ) -> Result<SettledHold, LedgerFailure> {
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
            Err(LedgerFailure::Refused(_)) => self.counters.refused(),
            Err(_) => {}
            Ok(_) => return outcome,
        }
        if let Err(LedgerFailure::Refused(LedgerError::HoldSettled)) = outcome {
            expire_one(&self.pool, &self.counters, hold).await?;
        }
        outcome
    }
}
