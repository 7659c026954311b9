//! What a genuine token does not say: whether its holder may still act.

use super::rejection::Rejection;
use crate::identity::Identity;
use crate::time::UnixTime;

/// The longest that an answer about somebody's standing may be reused, in seconds: a revoked or deactivated person is out
/// within this time wherever the row itself is not read.
pub const STANDING_SECONDS: i64 = 30;

/// Checks a genuine identity against the person's row.
///
/// Deactivation is reported before revocation, as Firebase's Admin SDKs do. A sign-in in the very second of the revocation
/// stands: both are whole seconds, and the new sign-in after a logout must not be refused.
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
        Some(valid_since) if identity.auth_time < valid_since => Err(Rejection::Revoked {
            auth_time: identity.auth_time,
            valid_since,
        }),
        _ => Ok(()),
    }
}
