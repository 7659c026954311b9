//! Time rules, the same for every kind of token. `now` and the skew stay apart: the skew only ever lengthens acceptance.

use super::json::{Json, Object};
use super::rejection::Rejection;
use crate::time::{ClockSkew, UnixTime};

/// The largest whole number on which every JSON reader agrees (RFC 8259 section 6): 2⁵³ − 1.
const MAX_SAFE: i64 = 9_007_199_254_740_991;

/// The moment that `name` must state: a whole number written as digits, from 0 to 2⁵³ − 1.
///
/// `1.7e9` and `1700000000.0` are refused: no issuer of ours writes them, and readers that round disagree about them.
pub(super) fn required(claims: &Object, name: &'static str) -> Result<UnixTime, Rejection> {
    optional(claims, name)?.ok_or(Rejection::ClaimMissing { name })
}

/// The moment that `name` states, if it is there at all; `null` is a wrong type, not an absence.
pub(super) fn optional(claims: &Object, name: &'static str) -> Result<Option<UnixTime>, Rejection> {
    match claims.get(name) {
        None => Ok(None),
        Some(Json::Whole(seconds)) if (0..=MAX_SAFE).contains(seconds) => {
            Ok(Some(UnixTime::from_secs(*seconds)))
        }
        Some(_) => Err(Rejection::ClaimInvalid { name }),
    }
}

/// `now < exp + skew`: at `exp` itself a token has expired (RFC 7519 section 4.1.4).
pub(super) fn not_expired(expires_at: UnixTime, now: UnixTime, skew: ClockSkew) -> Result<(), Rejection> {
    if now < expires_at.plus(skew.secs()) {
        Ok(())
    } else {
        Err(Rejection::Expired { expires_at, now })
    }
}

/// `at ≤ now + skew`.
pub(super) fn not_in_future(
    name: &'static str,
    at: UnixTime,
    now: UnixTime,
    skew: ClockSkew,
) -> Result<(), Rejection> {
    if at <= now.plus(skew.secs()) {
        Ok(())
    } else {
        Err(Rejection::InFuture { name, at, now })
    }
}

/// `0 < exp − iat ≤ allowed`.
pub(super) fn lifetime(issued_at: UnixTime, expires_at: UnixTime, allowed: i64) -> Result<(), Rejection> {
    let seconds = expires_at.since(issued_at);
    if (1..=allowed).contains(&seconds) {
        Ok(())
    } else {
        Err(Rejection::Lifetime { seconds, allowed })
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::{self, Budget};
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

    fn claim(value: &str) -> Result<Option<UnixTime>, Rejection> {
        let claims = json::object(format!("{{\"t\":{value}}}").as_bytes(), &Budget::new(16, 100)).unwrap();
        optional(&claims, "t")
    }

    #[test]
    fn moments_are_whole_numbers_in_the_safe_range() {
        for (text, seconds) in [
            ("0", 0),
            ("1795000000", 1_795_000_000),
            ("2147483648", 2_147_483_648),
            ("9007199254740991", MAX_SAFE),
        ] {
            assert_eq!(claim(text), Ok(Some(UnixTime::from_secs(seconds))));
        }
        for text in [
            "9007199254740992",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "-1",
            "-0",
            "1.5",
            "1795000000.0",
            "1.795e9",
            "1e300",
            "\"1795000000\"",
            "null",
            "true",
            "[1795000000]",
            "{}",
        ] {
            assert_eq!(claim(text), Err(Rejection::ClaimInvalid { name: "t" }), "{text}");
        }
        assert_eq!(
            required(&Object::default(), "t"),
            Err(Rejection::ClaimMissing { name: "t" })
        );
    }

    #[test]
    fn the_skew_lengthens_both_ends() {
        for skew in [0, 1, 30, 60] {
            let skew = ClockSkew::from_secs(skew).unwrap();
            assert!(not_expired(NOW.plus(1 - skew.secs()), NOW, skew).is_ok());
            assert!(not_expired(NOW.plus(-skew.secs()), NOW, skew).is_err());
            assert!(not_in_future("iat", NOW.plus(skew.secs()), NOW, skew).is_ok());
            assert!(not_in_future("iat", NOW.plus(skew.secs() + 1), NOW, skew).is_err());
        }
    }

    #[test]
    fn lifetime_is_positive_and_bounded() {
        for (seconds, ok) in [(-1, false), (0, false), (1, true), (10, true), (11, false)] {
            assert_eq!(lifetime(NOW, NOW.plus(seconds), 10).is_ok(), ok, "{seconds}");
        }
    }
}
