//! Why the ledger refuses.

use shared::problem::ErrorCode;

/// A refusal. It changed nothing, and callers may read its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LedgerError {
    /// The balance does not cover the amount.
    #[error("The balance does not cover the amount")]
    InsufficientTokens,
    /// The balance would pass [`super::MAX_BALANCE`].
    #[error("The balance would exceed the largest that can be held")]
    BalanceOverflow,
    /// An earlier request with this key was a different one.
    #[error("The idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// No such user.
    #[error("User not found")]
    UserNotFound,
    /// No such hold.
    #[error("Hold not found")]
    HoldNotFound,
    /// The hold is no longer open.
    #[error("The hold was already captured or released, or has expired")]
    HoldSettled,
    /// The request captures more than the hold reserved.
    #[error("The hold does not cover the amount")]
    HoldTooSmall,
}

impl LedgerError {
    /// The stable code on the wire.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::InsufficientTokens | Self::HoldTooSmall => ErrorCode::InsufficientTokens,
            Self::BalanceOverflow => ErrorCode::BalanceOverflow,
            Self::IdempotencyKeyReused => ErrorCode::IdempotencyKeyReused,
            Self::UserNotFound => ErrorCode::UserNotFound,
            Self::HoldNotFound => ErrorCode::NotFound,
            Self::HoldSettled => ErrorCode::HoldSettled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_statuses_equal_the_contract() {
        for (error, code, status) in [
            (LedgerError::InsufficientTokens, "INSUFFICIENT_TOKENS", 409),
            (LedgerError::BalanceOverflow, "BALANCE_OVERFLOW", 422),
            (LedgerError::IdempotencyKeyReused, "IDEMPOTENCY_KEY_REUSED", 422),
            (LedgerError::UserNotFound, "USER_NOT_FOUND", 404),
            (LedgerError::HoldNotFound, "NOT_FOUND", 404),
            (LedgerError::HoldSettled, "HOLD_SETTLED", 409),
            (LedgerError::HoldTooSmall, "INSUFFICIENT_TOKENS", 409),
        ] {
            assert_eq!((error.code().as_str(), error.code().status()), (code, status));
        }
    }
}
