//! How many tokens move.

use std::fmt;

/// The largest balance an account can show: `auth.users.token_balance` is a PostgreSQL `integer`, and the services that
/// share the table read it as one.
pub const MAX_BALANCE: i32 = i32::MAX;

/// The number of tokens in a movement: at least 1, at most [`MAX_BALANCE`].
///
/// There is no negative amount: a word (`credit`, `debit`) gives the direction, and no sign can turn one into the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i32);

/// The number is not an [`Amount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {MAX_BALANCE}")]
pub struct InvalidAmount;

impl Amount {
    /// Checks the number of tokens.
    ///
    /// # Errors
    /// [`InvalidAmount`] below 1 or above [`MAX_BALANCE`].
    pub fn new(tokens: i64) -> Result<Self, InvalidAmount> {
        match i32::try_from(tokens) {
            Ok(tokens) if tokens >= 1 => Ok(Self(tokens)),
            _ => Err(InvalidAmount),
        }
    }

    /// The number of tokens.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amount_is_between_one_and_the_largest_balance() {
        for refused in [i64::MIN, -5, -1, 0, i64::from(MAX_BALANCE) + 1, i64::MAX] {
            assert_eq!(Amount::new(refused), Err(InvalidAmount), "{refused}");
        }
        for legal in [1, 2, i64::from(MAX_BALANCE)] {
            assert_eq!(i64::from(Amount::new(legal).unwrap().get()), legal);
        }
    }
}
