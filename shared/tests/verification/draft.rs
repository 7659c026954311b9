//! Tokens made to order: a test can replace every member of header and payload by any text, valid or not.

use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{hmac, signature};
use shared::base64url;

/// The signer of a token.
#[derive(Clone, Copy, PartialEq)]
pub enum Signer<'a> {
    /// The RSA key `key-1` of the ring of ID tokens.
    Issuer,
    /// The RSA key `cookie-1` of the ring of session cookies.
    Cookies,
    /// An RSA key that no issuer publishes.
    Stranger,
    /// HMAC-SHA256 under these bytes.
    Hmac(&'a [u8]),
    /// No signer; the third segment is this text.
    Text(&'a str),
}

/// The test keys, made for these tests and used nowhere else.
pub fn key_pair(signer: Signer<'_>) -> RsaKeyPair {
    let bytes: &[u8] = match signer {
        Signer::Issuer => include_bytes!("issuer.pk8"),
        Signer::Cookies => include_bytes!("cookies.pk8"),
        _ => include_bytes!("stranger.pk8"),
    };
    RsaKeyPair::from_pkcs8(bytes).unwrap()
}

/// The modulus of a test key, big-endian.
pub fn modulus(signer: Signer<'_>) -> Vec<u8> {
    let components = signature::RsaPublicKeyComponents::<Vec<u8>>::from(key_pair(signer).public_key());
    components.n
}

/// A token in the making: members as raw JSON text, in order.
#[derive(Clone)]
pub struct Draft {
    header: Vec<(String, String)>,
    claims: Vec<(String, String)>,
}

impl Draft {
    pub fn new(header: &[(&str, &str)], claims: &[(&str, &str)]) -> Self {
        let own = |members: &[(&str, &str)]| {
            members
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        Self {
            header: own(header),
            claims: own(claims),
        }
    }

    /// Sets a claim to raw JSON text.
    pub fn claim(mut self, name: &str, value: impl Into<String>) -> Self {
        set(&mut self.claims, name, value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.retain(|(known, _)| known != name);
        self
    }

    /// Adds a claim a second time, keeping the first.
    pub fn twice(mut self, name: &str, value: &str) -> Self {
        self.claims.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets a header member to raw JSON text.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        set(&mut self.header, name, value.into());
        self
    }

    /// Leaves a header member out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.retain(|(known, _)| known != name);
        self
    }

    /// The payload as text.
    pub fn payload(&self) -> String {
        object(&self.claims)
    }

    /// The header as text.
    pub fn head(&self) -> String {
        object(&self.header)
    }

    pub fn sign(&self, signer: Signer<'_>) -> String {
        seal(self.head().as_bytes(), self.payload().as_bytes(), signer)
    }
}

/// A compact JWS over any bytes.
pub fn seal(header: &[u8], payload: &[u8], signer: Signer<'_>) -> String {
    let signed = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
    let signature = match signer {
        Signer::Text(text) => text.to_owned(),
        Signer::Hmac(secret) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            base64url::encode(hmac::sign(&key, signed.as_bytes()).as_ref())
        }
        Signer::Issuer | Signer::Cookies | Signer::Stranger => {
            let key = key_pair(signer);
            let mut signature = vec![0; key.public().modulus_len()];
            // PKCS #1 v1.5 is deterministic, so the vectors come out the same each time.
            key.sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .unwrap();
            base64url::encode(&signature)
        }
    };
    format!("{signed}.{signature}")
}

fn set(members: &mut Vec<(String, String)>, name: &str, value: String) {
    match members.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value,
        None => members.push((name.to_owned(), value)),
    }
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}
