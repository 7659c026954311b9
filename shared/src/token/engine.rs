//! The two things that verification needs from outside: the RSA primitive and the issuer's keys.

// The futures stay on one thread at the edge and must be `Send` at the origin. Each implementation decides that; a bound here would rule
// the edge out.
#![allow(async_fn_in_trait)]

use super::jwks::RsaPublicKey;
use crate::time::UnixTime;

/// Which of Google's two key sets signs a kind of token. They are disjoint: a key of one never verifies the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ring {
    /// Keys of ID tokens.
    FirebaseIdToken,
    /// Keys of session cookies.
    FirebaseSessionCookie,
}

impl Ring {
    /// Google's JWK set for this ring.
    ///
    /// The two are named in the Admin SDKs; <https://firebase.google.com/docs/auth/admin/verify-id-tokens> documents the
    /// first in its X.509 form.
    #[must_use]
    pub const fn google_url(self) -> &'static str {
        match self {
            Self::FirebaseIdToken => {
                "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
            }
            Self::FirebaseSessionCookie => {
                "https://identitytoolkit.googleapis.com/v1/sessionCookiePublicKeys"
            }
        }
    }

    /// The name in logs, metrics and health answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirebaseIdToken => "firebase_id_token",
            Self::FirebaseSessionCookie => "firebase_session_cookie",
        }
    }
}

/// The RSA primitive: WebCrypto at the edge, a native library at the origin.
///
/// No caller can hand it an HMAC secret: it takes only [`RsaPublicKey`], which only a JWK of type `RSA` becomes.
pub trait SignatureEngine {
    /// A key made ready for use; cheap to clone.
    type Key: Clone;

    /// Makes `key` ready.
    ///
    /// # Errors
    /// [`EngineFault`] when the engine cannot; never about a token.
    async fn import(&self, key: &RsaPublicKey) -> Result<Self::Key, EngineFault>;

    /// Whether `signature` is RSASSA-PKCS1-v1_5 with SHA-256 over `message` by `key` (RFC 7518 section 3.3).
    ///
    /// # Errors
    /// [`EngineFault`] when the engine failed; a wrong signature of any shape is `Ok(false)`.
    async fn verify_rs256(
        &self,
        key: &Self::Key,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, EngineFault>;
}

/// The issuer's keys, imported. The implementation caches them, fetches them once for all callers and refreshes them, by
/// [`crate::key_cache`].
pub trait Keys {
    /// The engine's key type.
    type Key;

    /// The key called `kid`, or `None` when the issuer publishes no such key. `now` is the moment of the verification.
    ///
    /// # Errors
    /// [`KeysUnavailable`] when that cannot be known now.
    async fn find(&self, ring: Ring, kid: &str, now: UnixTime) -> Result<Option<Self::Key>, KeysUnavailable>;
}

/// The engine failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature engine failed")]
pub struct EngineFault;

/// Keys cannot be fetched, and no usable ones are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the issuer's keys are unavailable")]
pub struct KeysUnavailable {
    /// Seconds until the next attempt.
    pub retry_after: u32,
}
