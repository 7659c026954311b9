//! Tokens reserved for work that may still fail: captured, released, or expired.

use std::fmt;

use chrono::{DateTime, Utc};
use shared::ids::UserId;
use uuid::Uuid;

use super::amount::Amount;
use super::invalid_field::InvalidField;

/// The id of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(pub Uuid);

impl HoldId {
    /// Reads the hyphenated form, any case.
    ///
    /// # Errors
    /// [`InvalidField`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidField> {
        if text.len() != 36 {
            return Err(InvalidField("is not a UUID"));
        }
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| InvalidField("is not a UUID"))
    }
}

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How long a hold may stay reserved, in seconds: 1 second to 7 days.
///
/// The upper end limits how long a caller that died can keep a user's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldLifetime(i32);

impl HoldLifetime {
    /// The longest, 7 days.
    pub const MAX_SECONDS: i32 = 7 * 24 * 3600;
    /// The lifetime without a caller's choice, 15 minutes.
    pub const DEFAULT: Self = Self(15 * 60);

    /// Checks `seconds`.
    ///
    /// # Errors
    /// [`InvalidField`] outside 1 to [`Self::MAX_SECONDS`].
    pub fn from_secs(seconds: i64) -> Result<Self, InvalidField> {
        match i32::try_from(seconds) {
            Ok(seconds) if (1..=Self::MAX_SECONDS).contains(&seconds) => Ok(Self(seconds)),
            _ => Err(InvalidField("must be a whole number from 1 to 604800")),
        }
    }

    /// The lifetime in seconds.
    #[must_use]
    pub const fn secs(self) -> i32 {
        self.0
    }
}

/// The state of a hold. All states but [`HoldState::Reserved`] are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HoldState {
    /// The tokens are reserved.
    Reserved,
    /// Spent, in full or in part; the rest went back.
    Captured,
    /// Given back by the caller.
    Released,
    /// Given back after its expiry.
    Expired,
}

impl HoldState {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Captured => "captured",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    /// Reads [`HoldState::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Reserved, Self::Captured, Self::Released, Self::Expired]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// One hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its name.
    pub id: HoldId,
    /// The user with the tokens.
    pub user: UserId,
    /// How many tokens are reserved.
    pub amount: Amount,
    /// How many of them were spent, in tokens; 0 unless captured.
    pub captured: i32,
    /// Its state.
    pub state: HoldState,
    /// When a reserved hold expires.
    pub expires_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_bounded() {
        for refused in [i64::MIN, -1, 0, 604_801, i64::MAX] {
            assert!(HoldLifetime::from_secs(refused).is_err(), "{refused}");
        }
        for legal in [1, 900, 604_800] {
            assert_eq!(i64::from(HoldLifetime::from_secs(legal).unwrap().secs()), legal);
        }
    }

    #[test]
    fn hold_states_survive_their_text() {
        for state in [
            HoldState::Reserved,
            HoldState::Captured,
            HoldState::Released,
            HoldState::Expired,
        ] {
            assert_eq!(HoldState::parse(state.as_str()), Some(state));
        }
        assert_eq!(HoldState::parse("Reserved"), None);
    }
}
