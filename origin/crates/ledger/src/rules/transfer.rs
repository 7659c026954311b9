//! A movement that happened.

use chrono::{DateTime, Utc};
use shared::ids::UserId;

use super::account::Account;
use super::amount::Amount;
use super::hold::HoldId;

/// The purpose of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransferKind {
    /// A balance from before the ledger.
    Opening,
    /// The tokens a new user starts with.
    Welcome,
    /// A service gave tokens.
    Credit,
    /// A service took tokens.
    Debit,
    /// A service reserved tokens.
    Reserve,
    /// A service spent reserved tokens.
    Capture,
    /// Reserved tokens went back: the caller released the hold, or it expired.
    Release,
    /// A writer outside the ledger changed the balance.
    External,
    /// The user was deleted, and the rest of their tokens left with them.
    Closing,
}

impl TransferKind {
    const ALL: [Self; 9] = [
        Self::Opening,
        Self::Welcome,
        Self::Credit,
        Self::Debit,
        Self::Reserve,
        Self::Capture,
        Self::Release,
        Self::External,
        Self::Closing,
    ];

    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Welcome => "welcome",
            Self::Credit => "credit",
            Self::Debit => "debit",
            Self::Reserve => "reserve",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::External => "external",
            Self::Closing => "closing",
        }
    }

    /// Reads [`TransferKind::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One row of the ledger. Rows are never changed or deleted; a correction is another transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its number in the whole ledger.
    pub id: i64,
    /// Its place among this user's transfers: 0 (the balance from before the ledger), then 1, 2, 3 without a gap.
    pub version: i64,
    /// The user with the tokens.
    pub user: UserId,
    /// Its purpose.
    pub kind: TransferKind,
    /// The account that gave the tokens: the name of an [`Account`].
    pub debit_account: String,
    /// The account that got them: the name of an [`Account`].
    pub credit_account: String,
    /// How many.
    pub amount: Amount,
    /// The user's spendable balance afterwards, in tokens.
    pub balance_after: i32,
    /// Why.
    pub reason: String,
    /// The caller's own record of the movement.
    pub reference: Option<String>,
    /// The hold it belongs to.
    pub hold: Option<HoldId>,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl Transfer {
    /// The change of the user's spendable balance, in tokens.
    #[must_use]
    pub fn delta(&self) -> i64 {
        let (user, amount) = (Account::User(self.user).to_string(), i64::from(self.amount.get()));
        if self.credit_account == user {
            amount
        } else if self.debit_account == user {
            amount.saturating_neg()
        } else {
            0
        }
    }
}

/// The answer to a movement, the same for the first request and each repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The movement.
    pub transfer: Transfer,
    /// Whether this answer repeats an earlier one.
    pub replayed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_kinds_survive_their_text() {
        for kind in TransferKind::ALL {
            assert_eq!(TransferKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(TransferKind::parse("Credit"), None);
    }
}
