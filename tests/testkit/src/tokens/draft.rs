//! A token before it is minted: a test can override any part of it, leave it out or give it the wrong type.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Map, Value};

use crate::keys::Key;

/// The signer, or the text in place of a signature.
#[derive(Debug, Clone)]
pub enum Signature {
    /// RS256 by this key.
    Rs256(&'static Key),
    /// HS256 under this secret.
    Hs256(Vec<u8>),
    /// Nothing: the third segment is empty (RFC 7515 appendix A.5).
    Empty,
    /// Exactly these bytes.
    Bytes(Vec<u8>),
}

/// A compact JWS (RFC 7515 section 7.1) before it is minted.
#[derive(Debug, Clone)]
pub struct Draft {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    header_bytes: Option<Vec<u8>>,
    claims_bytes: Option<Vec<u8>>,
    signature: Signature,
}

impl Draft {
    /// An empty token.
    #[must_use]
    pub fn new(signature: Signature) -> Self {
        Self {
            header: Map::new(),
            claims: Map::new(),
            header_bytes: None,
            claims_bytes: None,
            signature,
        }
    }

    /// Sets a header parameter to any value of any type.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a header parameter out.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Sets a claim to any value of any type.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// The header segment's exact bytes, in place of everything set before: duplicate members, invalid UTF-8, no JSON at all.
    #[must_use]
    pub fn header_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.header_bytes = Some(bytes.into());
        self
    }

    /// The payload segment's exact bytes.
    #[must_use]
    pub fn claims_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.claims_bytes = Some(bytes.into());
        self
    }

    /// Signs in another way. The header keeps its `alg` and `kid`.
    #[must_use]
    pub fn signed(mut self, signature: Signature) -> Self {
        self.signature = signature;
        self
    }

    /// Signs RS256 with `key` and names it as `kid`.
    #[must_use]
    pub fn by(self, key: &'static Key) -> Self {
        self.header("kid", key.kid()).signed(Signature::Rs256(key))
    }

    /// The claims as they stand.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The compact serialisation.
    #[must_use]
    pub fn mint(&self) -> String {
        let header = self.header_bytes.clone().unwrap_or_else(|| json(&self.header));
        let claims = self.claims_bytes.clone().unwrap_or_else(|| json(&self.claims));
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = match &self.signature {
            Signature::Rs256(key) => key.sign(signed.as_bytes()),
            Signature::Hs256(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            Signature::Empty => Vec::new(),
            Signature::Bytes(bytes) => bytes.clone(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn json(members: &Map<String, Value>) -> Vec<u8> {
    // A map of JSON values always serialises.
    serde_json::to_vec(members).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7515 appendix A.1: fixed header and payload bytes, fixed secret, fixed signature.
    #[test]
    fn the_example_of_rfc_7515_a_1() {
        let secret = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let token = Draft::new(Signature::Hs256(secret))
            .header_bytes("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}")
            .claims_bytes(
                "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}",
            )
            .mint();
        assert!(token.starts_with("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."));
        assert!(token.ends_with(".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
    }

    #[test]
    fn any_part_can_be_changed() {
        let token = Draft::new(Signature::Empty)
            .header("alg", "none")
            .header("kid", 7)
            .without_header("kid")
            .claim("exp", "soon")
            .claim("sub", json!(["a"]))
            .without("sub")
            .mint();
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
        assert_eq!(parts.next().unwrap(), br#"{"alg":"none"}"#);
        assert_eq!(parts.next().unwrap(), br#"{"exp":"soon"}"#);
        assert_eq!(parts.next().unwrap(), b"");
        assert_eq!(parts.next(), None);
    }

    #[test]
    fn signer_names_its_key() {
        let key = Key::named("issuer-b").unwrap();
        let token = Draft::new(Signature::Empty).header("alg", "RS256").by(key).mint();
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header, json!({"alg": "RS256", "kid": key.kid()}));
    }
}
