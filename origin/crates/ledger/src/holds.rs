//! Reserve, capture, release.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::expiry::{end, expire_due_of, expire_one};
use crate::failure::LedgerFailure;
use crate::handle::Ledger;
use crate::outcome::{Reservation, SettledHold, allowed, recognise};
use crate::rules::{
    Account, Amount, Hold, HoldId, HoldRequest, HoldState, IdempotencyToken, LedgerError, Receipt,
    Settlement, Transfer, TransferKind,
};
use crate::statements::{self, Ending, Found, Reserved};

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
    ) -> Result<Reservation, LedgerFailure> {
        let replayed = recognise(&self.counters, &request.request_hash().0, found)?;
        // The hash shows that the request asked for a hold: its row must have one.
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
