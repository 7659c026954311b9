//! Token translation: the edge makes a token of the legacy service's kind for a caller that it has verified. A service behind the edge that
//! reads only legacy tokens then need not change while users move.
//!
//! Such a token says what the user's row says, whatever the user signed in with, and it bears a mark ([`CLAIM`]). A service that holds it
//! can show it to other services of the legacy audience, but the edge and the origin do not accept it as a credential.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::compact::UnverifiedToken;
use super::legacy::HmacSecret;
use super::policy::TokenPolicy;
use crate::base64url;
use crate::identity::{AssertedUser, Identity, TokenKind};
use crate::ids::UserId;
use crate::time::UnixTime;

#[cfg(test)]
mod tests;

/// The longest lifetime of a translated token, in seconds.
pub const LIFE_SECONDS: i64 = 15 * 60;
/// The edge replaces a translated token with less than this left, in seconds: the service may keep it while it works.
pub const RENEW_SECONDS: i64 = 2 * 60;
/// The claim by which edge and origin recognise a token that the edge made. The legacy service sets no claim of this name.
pub const CLAIM: &str = "crossfade";
const MARK: &str = "translated";

/// `{"alg":"HS256","typ":"JWT"}`, as the legacy service's library writes it.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";

/// A user's row, as far as a legacy token shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Holder {
    /// The user.
    #[serde(flatten)]
    pub user: AssertedUser,
    /// The user's unique name, where the legacy service gave one.
    #[serde(default)]
    pub username: Option<String>,
    /// Tokens that the user can spend, when the row was read. Left out where it is not known.
    #[serde(default)]
    pub token_balance: Option<i64>,
}

/// A translated token.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    token: String,
    expires_at: UnixTime,
}

/// A credential must not reach a log.
impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// There is no secret to sign with, or the claims cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token cannot be translated")]
pub struct CannotTranslate;

#[derive(Serialize)]
struct Claims<'a> {
    id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(flatten)]
    role: Role<'a>,
    iat: UnixTime,
    auth_time: UnixTime,
    exp: UnixTime,
    aud: &'a str,
    iss: &'a str,
    crossfade: &'static str,
}

/// The two kinds of the legacy service's tokens. A moderator gets a user's token there.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Role<'a> {
    User {
        #[serde(rename = "tokenBalance", skip_serializing_if = "Option::is_none")]
        token_balance: Option<i64>,
    },
    Admin {
        username: Option<&'a str>,
        role: &'a str,
    },
}

impl<'a> Role<'a> {
    fn of(holder: &'a Holder) -> Self {
        match holder.user.user_type.as_str() {
            role @ ("admin" | "superadmin") => Self::Admin {
                username: holder.username.as_deref(),
                role,
            },
            _ => Self::User {
                token_balance: holder.token_balance,
            },
        }
    }
}

/// When a token ends that is made at `now` for a caller with a token that ends at `caller_expires_at`: with the caller's token, as long as
/// that is accepted here, and after [`LIFE_SECONDS`] at most.
fn expiry(policy: &TokenPolicy, caller_expires_at: UnixTime, now: UnixTime) -> UnixTime {
    caller_expires_at
        .plus(policy.skew.secs())
        .min(now.plus(LIFE_SECONDS))
}

/// When its holder counts as signed in: when `caller` did, so that a revocation of the caller's sign-in also voids this token. Of two
/// sign-ins in the second of a revocation Firebase's stays valid and a legacy token's does not ([`super::check_standing`]), and this token
/// is read as a legacy token.
fn signed_in(caller: &Identity) -> UnixTime {
    match caller.kind {
        TokenKind::Legacy | TokenKind::Translated => caller.auth_time,
        TokenKind::Firebase | TokenKind::FirebaseSessionCookie => caller.auth_time.plus(1),
    }
}

/// Makes a legacy token for `holder`, who is `caller`, by the first of the legacy secrets.
///
/// # Errors
/// [`CannotTranslate`].
pub fn translate(
    holder: &Holder,
    policy: &TokenPolicy,
    caller: &Identity,
    now: UnixTime,
) -> Result<Minted, CannotTranslate> {
    let secret: &HmacSecret = policy.legacy.secrets.first().ok_or(CannotTranslate)?;
    let expires_at = expiry(policy, caller.expires_at, now);
    let claims = serde_json::to_vec(&Claims {
        id: holder.user.id,
        email: holder.user.email.as_deref(),
        role: Role::of(holder),
        iat: now,
        auth_time: signed_in(caller),
        exp: expires_at,
        aud: &policy.legacy.audience,
        iss: &policy.legacy.issuer,
        crossfade: MARK,
    })
    .map_err(|_| CannotTranslate)?;
    let mut text = HEADER.as_bytes().to_vec();
    base64url::encode_to(&mut text, &claims);
    let signature = secret.sign(&text);
    text.push(b'.');
    base64url::encode_to(&mut text, &signature);
    let token = String::from_utf8(text).map_err(|_| CannotTranslate)?;
    Ok(Minted { token, expires_at })
}

impl Minted {
    /// The token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether this token still serves at `now` for a caller with a token that ends at `caller_expires_at`: it ends no later than a token
    /// made now would, and not much earlier.
    #[must_use]
    pub fn serves(&self, policy: &TokenPolicy, caller_expires_at: UnixTime, now: UnixTime) -> bool {
        let new = expiry(policy, caller_expires_at, now);
        self.expires_at <= new && (self.expires_at == new || self.expires_at.since(now) >= RENEW_SECONDS)
    }
}

impl UnverifiedToken<'_> {
    /// Whether it says that the edge made it.
    #[must_use]
    pub(super) fn is_translated(&self) -> bool {
        self.claims.has(CLAIM)
    }
}
