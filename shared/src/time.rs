//! Moments and tolerances, in whole seconds. There is no `now()` here: the caller knows the time.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01T00:00:00Z (RFC 7519 "NumericDate", whole seconds only).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The moment `seconds` after the epoch.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0
    }

    /// This moment moved forward by `seconds`; stops at the largest representable moment.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to `self`; negative when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `2026-11-24T01:02:03Z`, or `None` beyond the calendar's range (year ±262,000).
    #[must_use]
    pub fn to_rfc3339(self) -> Option<String> {
        DateTime::<Utc>::from_timestamp(self.0, 0)
            .map(|moment| moment.to_rfc3339_opts(SecondsFormat::Secs, true))
    }

    /// Reads an RFC 3339 date-time; a fraction of a second is dropped.
    ///
    /// # Errors
    /// Returns [`NotRfc3339`] for anything else.
    pub fn parse_rfc3339(text: &str) -> Result<Self, NotRfc3339> {
        DateTime::parse_from_rfc3339(text)
            .map(|moment| Self(moment.timestamp()))
            .map_err(|_| NotRfc3339)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_rfc3339() {
            Some(text) => f.write_str(&text),
            None => write!(f, "@{}", self.0),
        }
    }
}

/// The text is not an RFC 3339 date-time such as `2027-01-31T00:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an RFC 3339 date-time such as 2027-01-31T00:00:00Z")]
pub struct NotRfc3339;

/// How far another machine's clock may be from ours, 0–60 seconds.
///
/// Kept apart from `now` on purpose: adding it to `now` lengthens `iat` but shortens `exp`, which is how a
/// well-known verifier comes to refuse tokens seconds before they expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSkew(i64);

impl ClockSkew {
    /// No tolerance.
    pub const NONE: Self = Self(0);
    /// The default, 30 seconds.
    pub const DEFAULT: Self = Self(30);

    /// A tolerance of `seconds`; `None` outside 0–60.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Option<Self> {
        if seconds >= 0 && seconds <= 60 {
            Some(Self(seconds))
        } else {
            None
        }
    }

    /// The tolerance in seconds.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_moment_survives_its_text() {
        let moment = UnixTime::from_secs(1_795_485_723);
        assert_eq!(UnixTime::parse_rfc3339(&moment.to_string()), Ok(moment));
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(
            UnixTime::from_secs(i64::MAX).plus(1),
            UnixTime::from_secs(i64::MAX)
        );
        assert_eq!(UnixTime::from_secs(i64::MAX).to_rfc3339(), None);
        assert_eq!(
            UnixTime::from_secs(i64::MIN).since(UnixTime::from_secs(1)),
            i64::MIN
        );
    }

    #[test]
    fn skew_is_at_most_a_minute() {
        assert_eq!(ClockSkew::from_secs(-1), None);
        assert_eq!(ClockSkew::from_secs(0), Some(ClockSkew::NONE));
        assert!(ClockSkew::from_secs(60).is_some());
        assert_eq!(ClockSkew::from_secs(61), None);
    }
}
