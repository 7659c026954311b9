//! The result of a movement or a hold, and whether a balance allows it.

use shared::api::ledger::Transfer;

use crate::counters::Counters;
use crate::rules::{Hold, LedgerError, MAX_BALANCE, RequestHash};
use crate::statements::Found;

/// The answer to a movement, the same for the first request and each repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The movement.
    pub transfer: Transfer,
    /// Whether this answer repeats an earlier one.
    pub replayed: bool,
}

/// Tokens that were reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The hold, as it was at its reservation.
    pub hold: Hold,
    /// The movement to the hold's account.
    pub receipt: Receipt,
}

/// A hold that was captured or released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledHold {
    /// The hold, as it ended.
    pub hold: Hold,
    /// The movement with the key: to `system:spent` for a capture, back to the user for a release.
    pub receipt: Receipt,
    /// The user's spendable balance afterwards, in tokens, with the part that was not captured.
    pub token_balance: i32,
}

/// Whether `seen_balance` allows a change: the balance in the snapshot, `None` without such a user.
pub(crate) fn allowed(seen_balance: Option<i32>, delta: i64) -> Result<(), LedgerError> {
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

/// The receipt of the request with `hash`, equal for the first request and for each repeat. Equal hashes mean equal requests; nothing else
/// needs a comparison.
///
/// # Errors
/// [`LedgerError::IdempotencyKeyReused`] when `found` belongs to another request.
pub(crate) fn receipt(counters: &Counters, hash: RequestHash, found: Found) -> Result<Receipt, LedgerError> {
    let replayed = found.made_for.is_some();
    match found.made_for {
        None => counters.moved(),
        Some(made_for) if made_for == hash.0 => counters.replayed(),
        Some(_) => {
            counters.refused();
            return Err(LedgerError::IdempotencyKeyReused);
        }
    }
    Ok(Receipt {
        transfer: found.transfer,
        replayed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_is_allowed_from_zero_to_the_largest_balance() {
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
