//! Verifies tokens of callers that do not come through the edge: the rules of `shared` with a native RSA primitive and keys that this
//! process fetches from the issuer.

mod download;
mod engine;
mod issuer_keys;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use shared::identity::ProvenIdentity;
use shared::key_cache::Status;
use shared::time::UnixTime;
use shared::token::{KeyUrls, Rejection, Ring, TokenPolicy, UnverifiedToken, VerifiedTokens, WrongKind};

pub use engine::NativeEngine;
use issuer_keys::IssuerKeys;

/// Verifies tokens and remembers those that it verified a moment ago.
///
/// The memory only says that a token is genuine. Every call reads the user's row for whether its holder may still act: a deactivation or a
/// revocation counts from the next request on.
#[derive(Debug)]
pub struct Verifier {
    policy: TokenPolicy,
    keys: IssuerKeys,
    verified: Mutex<VerifiedTokens>,
}

impl Verifier {
    /// A verifier that follows `policy`, fetches keys from `urls` and remembers up to `capacity` tokens. Fetches nothing until the first
    /// token comes.
    #[must_use]
    pub fn new(policy: TokenPolicy, urls: &KeyUrls, capacity: NonZeroUsize) -> Self {
        Self {
            policy,
            keys: IssuerKeys::new(urls),
            verified: Mutex::new(VerifiedTokens::new(capacity)),
        }
    }

    /// The identity that `unverified` proves at `now`.
    ///
    /// # Errors
    /// [`Rejection`]; missing keys are our own fault and a 503, never a 401.
    pub async fn verify(&self, unverified: &str, now: UnixTime) -> Result<Arc<ProvenIdentity>, Rejection> {
        if let Some(identity) = self.remembered().get(unverified, now) {
            return Ok(identity);
        }
        let identity =
            shared::token::verify(unverified, &self.policy, &self.keys, &NativeEngine, now).await?;
        let identity = Arc::new(identity);
        self.remembered()
            .insert(unverified, Arc::clone(&identity), &self.policy, now);
        Ok(identity)
    }

    /// The identity of a token at `now`, for a caller that holds it and asks. It also accepts a token that the edge made for a service
    /// behind it, which is no credential here and is not remembered.
    ///
    /// # Errors
    /// As [`Self::verify`], for all other reasons.
    pub async fn examine(&self, unverified: &str, now: UnixTime) -> Result<Arc<ProvenIdentity>, Rejection> {
        match self.verify(unverified, now).await {
            Err(Rejection::WrongKind(WrongKind::Translated)) => {
                let token = UnverifiedToken::parse(unverified)?;
                let identity = token
                    .examine(&self.policy, &self.keys, &NativeEngine, now)
                    .await?;
                Ok(Arc::new(identity))
            }
            judged => judged,
        }
    }

    /// The state of each key ring in use, for health answers and metrics.
    #[must_use]
    pub fn key_status(&self, now: UnixTime) -> Vec<(Ring, Status)> {
        let rings = match (&self.policy.emulator, self.policy.session_cookies) {
            // The emulator signs nothing and has no keys.
            (Some(_), _) => &[][..],
            (None, false) => &[Ring::FirebaseIdToken][..],
            (None, true) => &[Ring::FirebaseIdToken, Ring::FirebaseSessionCookie][..],
        };
        rings
            .iter()
            .map(|ring| (*ring, self.keys.status(*ring, now)))
            .collect()
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, VerifiedTokens> {
        // A panic elsewhere left at most one entry more or less; every entry is whole.
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
