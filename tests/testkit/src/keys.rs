//! The test keys, as signers and as JSON Web Keys (RFC 7517).

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaEncoding};
use serde_json::{Value, json};

/// An RSA key pair with a name and a key id.
#[derive(Debug)]
pub struct Key {
    name: &'static str,
    kid: String,
    pem: &'static str,
    pair: KeyPair,
}

static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    [
        ("issuer-a", include_str!("../keys/issuer-a.pem")),
        ("issuer-b", include_str!("../keys/issuer-b.pem")),
        ("issuer-c", include_str!("../keys/issuer-c.pem")),
        ("cookies", include_str!("../keys/cookies.pem")),
        ("stranger", include_str!("../keys/stranger.pem")),
        ("service-account", include_str!("../keys/service-account.pem")),
    ]
    .into_iter()
    .map(|(name, pem)| Key::read(name, pem))
    .collect()
});

impl Key {
    /// The key called `name`: the file name in `tests/keys` without its ending.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The first issuer key: it signs unless a test names another.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the key is compiled in, and a test reads all of them"
    )]
    pub fn issuer() -> &'static Self {
        Self::named("issuer-a").expect("compiled in")
    }

    #[expect(
        clippy::expect_used,
        reason = "the files are compiled in, and a test reads all of them"
    )]
    fn read(name: &'static str, pem: &'static str) -> Self {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(base64).expect("PEM");
        let pair = KeyPair::from_pkcs8(&der).expect("PKCS#8");
        let kid = key_id(&public(&pair).n);
        Self { name, kid, pem, pair }
    }

    /// The key pair in PKCS#8 PEM, for programs under test that sign with it themselves.
    #[must_use]
    pub fn pem(&self) -> &'static str {
        self.pem
    }

    /// Whether `signature` is this key's RS256 signature over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        public(&self.pair)
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .is_ok()
    }

    /// The key's name in this test kit.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The `kid` under which it is published: 40 hexadecimal digits, as Google's are.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// RS256 (RFC 7518 section 3.3) over `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign_with(&RSA_PKCS1_SHA256, message)
    }

    /// A signature with another padding or hash, for tokens that name one algorithm and use another.
    #[must_use]
    #[expect(clippy::expect_used, reason = "fails only for a key too short for the hash")]
    pub fn sign_with(&self, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(encoding, &SystemRandom::new(), message, &mut signature)
            .expect("2048 bits are enough for every hash");
        signature
    }

    /// The public half as a JWK, as an issuer publishes it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let PublicKeyComponents { n, e } = public(&self.pair);
        json!({
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.kid,
            "n": URL_SAFE_NO_PAD.encode(n),
            "e": URL_SAFE_NO_PAD.encode(e),
        })
    }
}

/// A JWK set (RFC 7517 section 5) of `keys`.
#[must_use]
pub fn jwk_set<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Value {
    json!({"keys": keys.into_iter().map(Key::jwk).collect::<Vec<_>>()})
}

fn public(pair: &KeyPair) -> PublicKeyComponents<Vec<u8>> {
    PublicKeyComponents::from(pair.public())
}

fn key_id(modulus: &[u8]) -> String {
    digest::digest(&digest::SHA256, modulus)
        .as_ref()
        .iter()
        .take(20)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ring::signature::RsaPublicKeyComponents;

    use super::*;

    #[test]
    fn every_key_signs_what_its_jwk_verifies() {
        let mut kids = BTreeSet::new();
        for key in KEYS.iter() {
            assert!(key.verifies(b"message", &key.sign(b"message")));
            assert!(!key.verifies(b"another", &key.sign(b"message")));
            let jwk = key.jwk();
            let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
            let public = RsaPublicKeyComponents {
                n: part("n"),
                e: part("e"),
            };
            let signature = key.sign(b"message");
            public
                .verify(&RSA_PKCS1_2048_8192_SHA256, b"message", &signature)
                .unwrap();
            public
                .verify(&RSA_PKCS1_2048_8192_SHA256, b"another", &signature)
                .unwrap_err();
            assert_eq!(part("e"), [1, 0, 1]);
            assert!(kids.insert(key.kid()), "{} twice", key.kid());
        }
        assert_eq!(kids.len(), 6);
        assert!(Key::named("nobody").is_none());
    }
}
