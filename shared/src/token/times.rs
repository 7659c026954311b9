//! Time rules, the same for every kind of token. `now` and the skew stay apart: the skew only ever lengthens acceptance.

use super::json::{Json, Object};
use super::rejection::Rejection;
use crate::time::{ClockSkew, UnixTime};

/// The largest whole number every JSON reader agrees on (RFC 8259 section 6): 2⁵³ − 1.
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
