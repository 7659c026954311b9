//! Tokens of the legacy service: HS256 under a shared secret, with claims of its own.

use jwt_compact::alg::{Hs256, Hs256Key, Hs256Signature};
use jwt_compact::{Algorithm, AlgorithmSignature};

use super::compact::{UnverifiedAlgorithm, UnverifiedJws, UnverifiedToken};
use super::json::{Json, Object};
use super::rejection::{Rejection, WrongKind};
use super::times;
use crate::identity::{Identity, LegacyAccount, Subject, TokenKind};
use crate::ids::UserId;
use crate::time::{ClockSkew, UnixTime};

/// RFC 7518 section 3.2: an HS256 key has at least the size of the hash.
const MIN_SECRET_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 32;
/// No token of the legacy service is valid for longer than this; its default is seven days.
const MAX_LIFETIME: i64 = 366 * 24 * 3600;

/// A shared HMAC secret. Zeroed on drop, never shown, and of no use to the RSA path, which takes another type.
#[derive(Debug, Clone)]
pub struct HmacSecret(Hs256Key);

impl HmacSecret {
    /// A secret of `bytes`.
    ///
    /// # Errors
    /// [`WeakSecret`] under 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, WeakSecret> {
        if bytes.len() < MIN_SECRET_BYTES {
            Err(WeakSecret)
        } else {
            Ok(Self(Hs256Key::new(bytes)))
        }
    }

    /// Whether the signature of `jws` is HMAC-SHA256 under this secret, compared in constant time.
    #[must_use]
    pub fn verifies(&self, jws: &UnverifiedJws<'_>) -> bool {
        // The library takes exactly 32 bytes and panics on any other length.
        jws.signature.len() == SIGNATURE_BYTES
            && Hs256Signature::try_from_slice(&jws.signature)
                .is_ok_and(|signature| Hs256.verify_signature(&signature, &self.0, jws.signed))
    }

    /// HMAC-SHA256 of `message` under this secret.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        Hs256.sign(&self.0, message).as_bytes().into_owned()
    }
}

/// The secret is shorter than 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is shorter than 32 bytes")]
pub struct WeakSecret;

/// Which legacy tokens are accepted.
#[derive(Debug, Clone)]
pub struct LegacyPolicy {
    /// The secrets, any of which may have signed; without one no legacy token is accepted.
    pub secrets: Vec<HmacSecret>,
    /// The one accepted `iss`.
    pub issuer: String,
    /// The one accepted `aud`.
    pub audience: String,
    /// From this moment on the origin and the edge refuse every legacy token.
    pub accepted_until: Option<UnixTime>,
}

/// Applies every rule, the signature last.
pub(super) fn judge(
    token: &UnverifiedToken<'_>,
    policy: &LegacyPolicy,
    skew: ClockSkew,
    now: UnixTime,
) -> Result<Identity, Rejection> {
    if token.header.algorithm != UnverifiedAlgorithm::Hs256 {
        return Err(Rejection::Algorithm);
    }
    still_accepted(token, policy, now)?;
    let claims = &token.claims;
    parties(claims, policy)?;
    let mut identity = identity(claims, skew, now)?;
    if token.is_translated() {
        identity.kind = TokenKind::Translated;
        identity.auth_time = times::required(claims, "auth_time")?;
    }
    signature(token, policy)?;
    Ok(identity)
}

/// There is a secret, and the agreed time is not over. The skew does not apply: the moment is ours. Tokens that the edge makes outlive the
/// acceptance of the legacy service's own.
fn still_accepted(
    token: &UnverifiedToken<'_>,
    legacy: &LegacyPolicy,
    now: UnixTime,
) -> Result<(), Rejection> {
    if legacy.secrets.is_empty() {
        return Err(Rejection::WrongKind(WrongKind::LegacyNotAccepted));
    }
    match legacy.accepted_until {
        Some(until) if now >= until && !token.is_translated() => Err(Rejection::LegacyEnded { until }),
        _ => Ok(()),
    }
}

/// `iss` and `aud` are the configured strings.
fn parties(claims: &Object, legacy: &LegacyPolicy) -> Result<(), Rejection> {
    if claims.text("iss") != Some(legacy.issuer.as_str()) {
        return Err(Rejection::Issuer);
    }
    if claims.text("aud") != Some(legacy.audience.as_str()) {
        return Err(Rejection::Audience);
    }
    Ok(())
}

fn identity(claims: &Object, skew: ClockSkew, now: UnixTime) -> Result<Identity, Rejection> {
    let user = user(claims)?;
    let account = account(claims)?;
    let expires_at = times::required(claims, "exp")?;
    let issued_at = times::required(claims, "iat")?;
    let not_before = times::optional(claims, "nbf")?;
    times::not_expired(expires_at, now, skew)?;
    times::not_in_future("iat", issued_at, now, skew)?;
    if let Some(not_before) = not_before {
        times::not_in_future("nbf", not_before, now, skew)?;
    }
    times::lifetime(issued_at, expires_at, MAX_LIFETIME)?;
    let email = match claims.get("email") {
        None | Some(Json::Null) => None,
        Some(Json::Text(email)) => Some(email.clone()),
        Some(_) => return Err(Rejection::ClaimInvalid { name: "email" }),
    };
    Ok(Identity {
        email,
        name: claims.text("username").map(str::to_owned),
        legacy_account: Some(account),
        ..Identity::new(TokenKind::Legacy, Subject::Legacy(user), issued_at, expires_at)
    })
}

/// `id` is the UUID of a row of `auth.users`.
fn user(claims: &Object) -> Result<UserId, Rejection> {
    match claims.get("id") {
        None => Err(Rejection::ClaimMissing { name: "id" }),
        Some(Json::Text(id)) => UserId::parse(id).map_err(Rejection::Subject),
        Some(_) => Err(Rejection::ClaimInvalid { name: "id" }),
    }
}

/// `type` is `user`, or `admin` with one of the two roles that exist.
fn account(claims: &Object) -> Result<LegacyAccount, Rejection> {
    match claims.text("type") {
        Some("user") => Ok(LegacyAccount::User),
        Some("admin") => match claims.text("role") {
            Some(role @ ("admin" | "superadmin")) => Ok(LegacyAccount::Admin {
                role: role.to_owned(),
            }),
            _ => Err(Rejection::ClaimInvalid { name: "role" }),
        },
        _ if claims.has("type") => Err(Rejection::ClaimInvalid { name: "type" }),
        _ => Err(Rejection::ClaimMissing { name: "type" }),
    }
}

/// One of the secrets signed the received bytes. It tries all, so that the time taken does not tell which one fits.
fn signature(token: &UnverifiedToken<'_>, legacy: &LegacyPolicy) -> Result<(), Rejection> {
    let verified = legacy
        .secrets
        .iter()
        .fold(false, |verified, secret| secret.verifies(&token.jws) | verified);
    if verified {
        Ok(())
    } else {
        Err(Rejection::Signature)
    }
}
