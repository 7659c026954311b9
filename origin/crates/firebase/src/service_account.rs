//! A service account's key and its signatures.

use std::fmt;
use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use shared::base64url;
use shared::time::UnixTime;

/// Where Google exchanges an assertion for an access token, unless the key file names another address:
/// <https://developers.google.com/identity/protocols/oauth2/service-account>.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/identitytoolkit";
/// The longest lifetime that Google accepts, in seconds.
const LIFETIME_SECONDS: i64 = 3600;

/// A service account with its key.
#[derive(Clone)]
pub struct ServiceAccount {
    email: String,
    key: Arc<RsaKeyPair>,
    token_uri: String,
}

/// The error: not an e-mail address with an RSA key in PKCS#8 PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a service account key")]
pub struct NotAServiceAccount;

impl ServiceAccount {
    /// The account `email` with its private key.
    ///
    /// # Errors
    /// [`NotAServiceAccount`].
    pub fn new(email: String, pem: &str) -> Result<Self, NotAServiceAccount> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| NotAServiceAccount)?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| NotAServiceAccount)?;
        Ok(Self {
            email,
            key: Arc::new(key),
            token_uri: TOKEN_URI.to_owned(),
        })
    }

    /// The same account with its assertions exchanged at `token_uri`.
    #[must_use]
    pub fn exchanged_at(self, token_uri: String) -> Self {
        Self { token_uri, ..self }
    }

    /// The address that exchanges its assertions for access tokens.
    #[must_use]
    pub fn token_uri(&self) -> &str {
        &self.token_uri
    }

    /// Its e-mail address, the issuer of its signed claims.
    pub(super) fn email(&self) -> &str {
        &self.email
    }

    /// The assertion to exchange for an access token; `None` when the key cannot sign.
    pub(super) fn assertion(&self, now: UnixTime) -> Option<String> {
        self.sign(&serde_json::json!({
            "iss": self.email, "scope": SCOPE, "aud": self.token_uri,
            "iat": now.secs(), "exp": now.plus(LIFETIME_SECONDS).secs(),
        }))
    }

    /// A JWT of `claims` by RS256; `None` when the key cannot sign.
    pub(super) fn sign(&self, claims: &serde_json::Value) -> Option<String> {
        let header = base64url::encode(br#"{"alg":"RS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", base64url::encode(claims.to_string().as_bytes()));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .ok()?;
        Some(format!("{signed}.{}", base64url::encode(&signature)))
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").finish_non_exhaustive()
    }
}
