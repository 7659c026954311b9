//! Token verification: from an `Authorization` header's token to a [`ProvenIdentity`], or a [`Rejection`] that says which rule
//! it broke.
//!
//! 1. [`UnverifiedToken::parse`] reads the token strictly and within bounds.
//! 2. [`UnverifiedToken::kind`] chooses one ring by the unverified `iss`. That ring alone judges the token; no second ring is tried.
//! 3. The ring's rules are applied, cheapest first, the signature last.
//!
//! `docs/VERIFICATION.md` lists every rule with its reason, its code and its source.

mod accepted;
mod compact;
mod emulator;
mod engine;
mod firebase;
mod json;
mod jwks;
mod key_urls;
mod kind;
mod legacy;
mod policy;
mod rejection;
mod roca;
mod standing;
mod times;
pub mod translation;
mod verified_tokens;

pub use accepted::Accepted;
pub use compact::{
    MAX_DEPTH, MAX_KEY_ID_BYTES, MAX_MEMBERS, MAX_TOKEN_BYTES, UnverifiedAlgorithm, UnverifiedHeader,
    UnverifiedJws, UnverifiedToken,
};
pub use emulator::{EmulatorPermit, EmulatorRefusal, Environment, permit as emulator_permit};
pub use engine::{EngineFault, Keys, KeysUnavailable, Ring, SignatureEngine};
pub use json::JsonFault;
pub use jwks::{BadKeySet, KeySet, MAX_KEY_SET_BYTES, MAX_KEYS, RsaPublicKey, UnusableKey};
pub use key_urls::KeyUrls;
pub use legacy::{HmacSecret, LegacyPolicy, WeakSecret};
pub use policy::TokenPolicy;
pub use rejection::{Part, Rejection, WrongKind};
pub use standing::{REPLICA_SECONDS, STANDING_SECONDS, check_standing};
pub use verified_tokens::{VERIFIED_SECONDS, VerifiedTokens, remember_for};

use crate::identity::{ProvenIdentity, TokenKind};
use crate::time::UnixTime;

/// Verifies `unverified` at `now` by `policy`, with the issuer's `keys` and the RSA primitive of `engine`.
///
/// The future is `Send` whenever those of `keys` and `engine` are.
///
/// # Errors
/// [`Rejection`]: a broken rule is a 401; [`Rejection::KeysUnavailable`] and [`Rejection::Engine`] are our own faults and never
/// one.
pub async fn verify<K, E>(
    unverified: &str,
    policy: &TokenPolicy,
    keys: &K,
    engine: &E,
    now: UnixTime,
) -> Result<ProvenIdentity, Rejection>
where
    E: SignatureEngine,
    K: Keys<Key = E::Key>,
{
    UnverifiedToken::parse(unverified)?
        .verify(policy, keys, engine, now)
        .await
}

impl UnverifiedToken<'_> {
    /// [`verify`], for a caller that has parsed the token already.
    ///
    /// # Errors
    /// As [`verify`].
    pub async fn verify<K, E>(
        &self,
        policy: &TokenPolicy,
        keys: &K,
        engine: &E,
        now: UnixTime,
    ) -> Result<ProvenIdentity, Rejection>
    where
        E: SignatureEngine,
        K: Keys<Key = E::Key>,
    {
        if self.is_translated() && self.kind(policy)? == TokenKind::Legacy {
            return Err(Rejection::WrongKind(WrongKind::Translated));
        }
        self.examine(policy, keys, engine, now).await
    }

    /// Verifies a token for its holder who asks about it. It also accepts a token that the edge made ([`translation`]), which is no
    /// credential here.
    ///
    /// # Errors
    /// As [`verify`], for all other reasons.
    pub async fn examine<K, E>(
        &self,
        policy: &TokenPolicy,
        keys: &K,
        engine: &E,
        now: UnixTime,
    ) -> Result<ProvenIdentity, Rejection>
    where
        E: SignatureEngine,
        K: Keys<Key = E::Key>,
    {
        let ring = match self.kind(policy)? {
            TokenKind::Legacy | TokenKind::Translated => {
                return legacy::judge(self, &policy.legacy, policy.skew, now).map(ProvenIdentity::new);
            }
            TokenKind::Firebase => Ring::FirebaseIdToken,
            TokenKind::FirebaseSessionCookie => Ring::FirebaseSessionCookie,
        };
        let (identity, proof) = firebase::judge(self, ring, policy, now)?;
        if let firebase::Proof::Rs256 { ring, kid } = proof {
            let key = keys
                .find(ring, kid, now)
                .await
                .map_err(|unavailable| Rejection::KeysUnavailable {
                    retry_after: unavailable.retry_after,
                })?
                .ok_or(Rejection::KeyUnknown)?;
            let genuine = engine
                .verify_rs256(&key, self.jws.signed, &self.jws.signature)
                .await
                .map_err(|EngineFault| Rejection::Engine)?;
            if !genuine {
                return Err(Rejection::Signature);
            }
        }
        Ok(ProvenIdentity::new(identity))
    }
}
