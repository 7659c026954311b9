//! Assertions made by hand, from their documentation: an oracle for the edge's code and for the clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use crate::stack;

/// Seals with one key.
pub struct Sealer {
    kid: String,
    key: Vec<u8>,
}

impl Sealer {
    /// Seals with the first of the edge's own keys, which the origin opens.
    pub fn of_the_edge() -> Self {
        let keys = stack::variable("E2E_ASSERTION_KEYS");
        let (kid, key) = keys.split(',').next().unwrap().split_once(':').unwrap();
        Self {
            kid: kid.to_owned(),
            key: URL_SAFE_NO_PAD.decode(key).unwrap(),
        }
    }

    /// Seals with the key derived from it for the service called `audience`.
    pub fn of_service(audience: &str) -> Self {
        let edge = Self::of_the_edge();
        let message = format!("crossfade assertion key for {audience}");
        Self {
            kid: edge.kid.clone(),
            key: edge.sign(message.as_bytes()),
        }
    }

    /// The key in the form of the service's configuration.
    pub fn key(&self) -> String {
        format!("{}:{}", self.kid, URL_SAFE_NO_PAD.encode(&self.key))
    }

    pub fn seal(&self, claims: &Value) -> String {
        let header = json!({ "alg": "HS256", "kid": self.kid, "typ": "crossfade+jwt" });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.sign(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.key);
        hmac::sign(&key, message).as_ref().to_vec()
    }
}

/// What the edge would state about a user's request.
pub fn claims(audience: &str, method: &str, path: &str) -> Value {
    let now = testkit::tokens::now();
    let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    json!({
        "iss": "crossfade-edge", "aud": audience, "htm": method, "htu": path, "jti": "by-hand",
        "iat": now, "exp": now + 60,
        "id": {
            "kind": "legacy", "subject": { "legacy": id }, "auth_time": now, "issued_at": now, "expires_at": now + 60,
        },
        "usr": { "id": id, "user_type": "user" },
    })
}

/// The same, stated `seconds` ago.
pub fn aged(claims: &Value, seconds: i64) -> Value {
    let mut claims = claims.clone();
    for name in ["iat", "exp"] {
        claims[name] = (claims[name].as_i64().unwrap() - seconds).into();
    }
    claims
}
