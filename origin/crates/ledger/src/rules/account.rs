//! The two ends of a transfer.

use std::fmt;

use shared::ids::UserId;

use super::hold::HoldId;

/// An account of the ledger. Every transfer debits one and credits another, so the sum over all accounts is always zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Account {
    /// A user's spendable tokens; its balance is `auth.users.token_balance`.
    User(UserId),
    /// Tokens that one hold reserves.
    Hold(HoldId),
    /// The other side of movements that enter or leave the users' accounts.
    System(SystemAccount),
}

/// Accounts without a user. Their balances are only sums; they may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SystemAccount {
    /// The source of new tokens.
    Issued,
    /// The destination of spent tokens.
    Spent,
    /// The unknown side of movements by writers outside the ledger.
    External,
    /// The source of balances from before the ledger.
    Opening,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Hold(id) => write!(f, "hold:{id}"),
            Self::System(account) => write!(f, "system:{}", account.as_str()),
        }
    }
}

impl SystemAccount {
    /// The name behind `system:`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Spent => "spent",
            Self::External => "external",
            Self::Opening => "opening",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names_are_the_stored_ones() {
        let id = uuid::Uuid::from_u128(1);
        for (account, name) in [
            (
                Account::User(UserId(id)),
                "user:00000000-0000-0000-0000-000000000001",
            ),
            (
                Account::Hold(HoldId(id)),
                "hold:00000000-0000-0000-0000-000000000001",
            ),
            (Account::System(SystemAccount::Issued), "system:issued"),
            (Account::System(SystemAccount::Spent), "system:spent"),
            (Account::System(SystemAccount::External), "system:external"),
            (Account::System(SystemAccount::Opening), "system:opening"),
        ] {
            assert_eq!(account.to_string(), name);
        }
    }
}
