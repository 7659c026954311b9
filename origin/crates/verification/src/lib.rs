//! Verifies tokens of callers that do not come through the edge: `shared`'s rules with a native RSA primitive and the
//! issuer's keys fetched by this process.

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

/// Whose token somebody asked about.
#[derive(Debug)]
pub struct Examined {
    /// Whom it names.
    pub identity: Arc<ProvenIdentity>,
    /// Whether it would be taken here; not so one that the edge made for a service behind it.
    pub is_credential: bool,
}

/// Verifies tokens and remembers those it verified a moment ago.
///
/// What is remembered is only that a token is genuine. Whether its holder may still act is read from the user's row on every
/// call, so a deactivation or a revocation counts from the next request on.
#[derive(Debug)]
pub struct Verifier {
    policy: TokenPolicy,
    keys: IssuerKeys,
    verified: Mutex<VerifiedTokens>,
}

impl Verifier {
    /// A verifier that accepts what `policy` says, fetches keys from `urls` and remembers up to `capacity` tokens. Fetches
    /// nothing until the first token comes.
    #[must_use]
    pub fn new(policy: TokenPolicy, urls: &KeyUrls, capacity: NonZeroUsize) -> Self {
        Self {
            policy,
            keys: IssuerKeys::new(urls),
            verified: Mutex::new(VerifiedTokens::new(capacity)),
        }
    }

    /// Whom `unverified` proves at `now`.
    ///
    /// # Errors
    /// [`Rejection`]; keys that cannot be had are our own fault and a 503, never a 401.
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

    /// Whose token this is at `now`, for somebody who holds it and asks: also one that the edge made for a service behind it, which is no
    /// credential here and is not remembered.
    ///
    /// # Errors
    /// As [`Self::verify`], for all other reasons.
    pub async fn examine(&self, unverified: &str, now: UnixTime) -> Result<Examined, Rejection> {
        match self.verify(unverified, now).await {
            Err(Rejection::WrongKind(WrongKind::Translated)) => {
                let token = UnverifiedToken::parse(unverified)?;
                let identity = token
                    .examine(&self.policy, &self.keys, &NativeEngine, now)
                    .await?;
                Ok(Examined {
                    identity: Arc::new(identity),
                    is_credential: false,
                })
            }
            judged => judged.map(|identity| Examined {
                identity,
                is_credential: true,
            }),
        }
    }

    /// The state of each key ring in use, for health answers and metrics.
    #[must_use]
    pub fn key_status(&self, now: UnixTime) -> Vec<(Ring, Status)> {
        let rings = match (&self.policy.emulator, self.policy.session_cookies) {
            // The emulator signs nothing, so there are no keys to hold.
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
        // A panic elsewhere left at worst an entry more or less; every entry is whole.
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
