//! What a genuine token does not say: whether its holder may still act.

use super::rejection::Rejection;
use crate::identity::{Identity, TokenKind};
use crate::time::UnixTime;

/// The longest that an answer about a user's account status may be reused, in seconds: wherever the row itself is not read, a revoked or
/// deactivated user is refused within this time.
pub const STANDING_SECONDS: i64 = 10;

/// How old the origin's answer about a user may be, in seconds, because it read a replica of the database. Part of [`STANDING_SECONDS`].
pub const REPLICA_SECONDS: i64 = 2;

/// Checks a genuine identity against the user's row.
///
/// Deactivation is reported before revocation, as Firebase's Admin SDKs do. A sign-in at Firebase in the very second of the revocation
/// stays valid: both are whole seconds, and the new sign-in after a logout must not be refused. A legacy token of that second is refused,
/// which costs its holder another sign-in there: the token is good for days, and nothing in it tells a sign-in before the revocation from
/// one after it.
///
/// # Errors
/// [`Rejection::Disabled`], [`Rejection::Revoked`].
pub fn check_standing(
    identity: &Identity,
    is_active: bool,
    valid_since: Option<UnixTime>,
) -> Result<(), Rejection> {
    if !is_active {
        return Err(Rejection::Disabled);
    }
    match valid_since {
        Some(valid_since) if is_before(identity, valid_since) => Err(Rejection::Revoked {
            auth_time: identity.auth_time,
            valid_since,
        }),
        _ => Ok(()),
    }
}

fn is_before(identity: &Identity, valid_since: UnixTime) -> bool {
    match identity.kind {
        TokenKind::Legacy | TokenKind::Translated => identity.auth_time <= valid_since,
        TokenKind::Firebase | TokenKind::FirebaseSessionCookie => identity.auth_time < valid_since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Subject;
    use crate::ids::FirebaseUid;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn disabled_is_reported_before_revoked() {
        let at = UnixTime::from_secs;
        let identity = Identity {
            issued_at: at(200),
            ..Identity::new(
                TokenKind::Firebase,
                Subject::Firebase(FirebaseUid::parse("uid").unwrap()),
                at(100),
                at(3_800),
            )
        };
        let revoked = |since| {
            Err(Rejection::Revoked {
                auth_time: at(100),
                valid_since: at(since),
            })
        };
        for (active, since, expected) in [
            (true, None, Ok(())),
            (true, Some(99), Ok(())),
            (true, Some(100), Ok(())),
            (true, Some(101), revoked(101)),
            // `iat` is later than the revocation; a refreshed token of an old sign-in is still void.
            (true, Some(150), revoked(150)),
            (false, None, Err(Rejection::Disabled)),
            (false, Some(101), Err(Rejection::Disabled)),
        ] {
            assert_eq!(
                check_standing(&identity, active, since.map(at)),
                expected,
                "{active} {since:?}"
            );
        }
    }
}
