//! Makes `tests/vectors/tokens.json`: every rule, boundary and known attack as a token with its verdict.

mod attacks;
mod emulator;
mod firebase;
mod legacy;
mod structure;

use serde_json::{Value, json};
use shared::base64url;

use crate::draft::{Draft, Signer, modulus};

/// The verifier's clock in every case that does not say otherwise.
pub const NOW: i64 = 1_795_000_000;
pub const PROJECT: &str = "crossfade-app";
pub const SECRET: &str = "the-legacy-service-signs-with-this-one";
pub const OLD_SECRET: &str = "before-the-rotation-it-signed-with-this";
pub const USER_ID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

/// One case of the file.
pub struct Entry {
    pub source: &'static str,
    pub name: String,
    pub token: String,
    pub expect: &'static str,
    pub subject: Option<&'static str>,
    pub later: i64,
    pub config: Vec<(&'static str, String)>,
}

/// A case under the common clock and configuration.
pub fn case(source: &'static str, name: impl Into<String>, token: String, expect: &'static str) -> Entry {
    Entry {
        source,
        name: name.into(),
        token,
        expect,
        subject: None,
        later: 0,
        config: Vec::new(),
    }
}

impl Entry {
    pub fn naming(mut self, subject: &'static str) -> Self {
        self.subject = Some(subject);
        self
    }

    /// With the clock moved by `seconds`.
    pub fn later(mut self, seconds: i64) -> Self {
        self.later = seconds;
        self
    }

    /// With a variable set.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.config.push((name, value.into()));
        self
    }
}

/// An ID token as Firebase issues it: issued ten seconds ago, signed in a minute before that.
pub fn id_token() -> Draft {
    Draft::new(
        &[("alg", "\"RS256\""), ("kid", "\"key-1\""), ("typ", "\"JWT\"")],
        &[
            ("name", "\"Ada Lovelace\""),
            ("iss", "\"https://securetoken.google.com/crossfade-app\""),
            ("aud", "\"crossfade-app\""),
            ("auth_time", "1794999930"),
            ("user_id", "\"ada\""),
            ("sub", "\"ada\""),
            ("iat", "1794999990"),
            ("exp", "1795003590"),
            ("email", "\"ada@example.com\""),
            ("email_verified", "true"),
            (
                "firebase",
                r#"{"identities":{"email":["ada@example.com"]},"sign_in_provider":"password"}"#,
            ),
        ],
    )
}

/// A token as the legacy service issues it: a day old, good for seven.
pub fn legacy_token() -> Draft {
    Draft::new(
        &[("alg", "\"HS256\""), ("typ", "\"JWT\"")],
        &[
            ("id", "\"3f2504e0-4f89-41d3-9a0c-0305e82c3301\""),
            ("email", "\"ada@example.com\""),
            ("tokenBalance", "5"),
            ("type", "\"user\""),
            ("iat", "1794913600"),
            ("exp", "1795518400"),
            ("aud", "\"atma-services\""),
            ("iss", "\"atma-auth-service\""),
        ],
    )
}

/// The whole file.
pub fn file() -> Value {
    let cases = [
        firebase::cases(),
        legacy::cases(),
        emulator::cases(),
        structure::cases(),
        attacks::cases(),
    ];
    let cases: Vec<Value> = cases.into_iter().flatten().map(entry).collect();
    json!({
        "now": NOW,
        "config": {
            "FIREBASE_PROJECT_ID": PROJECT,
            "LEGACY_JWT_SECRETS": format!("{SECRET},{OLD_SECRET}"),
        },
        "keys": key_sets(),
        "cases": cases,
    })
}

/// What the issuer publishes: both rings.
pub fn key_sets() -> Value {
    json!({
        "firebase_id_token": { "keys": [jwk("key-1", Signer::Issuer)] },
        "firebase_session_cookie": { "keys": [jwk("cookie-1", Signer::Cookies)] },
    })
}

fn jwk(kid: &str, signer: Signer<'_>) -> Value {
    json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, "e": "AQAB", "n": base64url::encode(&modulus(signer)) })
}

fn entry(entry: Entry) -> Value {
    let mut value =
        json!({ "source": entry.source, "name": entry.name, "expect": entry.expect, "token": entry.token });
    if let Some(subject) = entry.subject {
        value["subject"] = json!(subject);
    }
    if entry.later != 0 {
        value["later"] = json!(entry.later);
    }
    for (name, text) in entry.config {
        value["config"][name] = json!(text);
    }
    value
}
