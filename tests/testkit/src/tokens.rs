//! Tokens of every kind that this system meets, and every way to spoil one.
//!
//! Written directly over the signature primitives, without a JWT library: a library refuses to build half of the tokens that the verifier
//! has to refuse, and sharing one with the code under test would share its mistakes.

mod draft;
mod firebase;
mod legacy;

pub use draft::{Draft, Signature};
pub use firebase::{FirebaseUser, custom_token, emulator_id_token, firebase_id_token, session_cookie};
pub use legacy::{AUDIENCE, ISSUER, LegacyUser, legacy_token};

use std::time::{SystemTime, UNIX_EPOCH};

/// The current time in seconds since 1970, for the claims of a token made now.
#[must_use]
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default()
}
