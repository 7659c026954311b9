//! Mints tokens for tests that are not written in Rust.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::keys::Key;
use crate::tokens::{
    Draft, FirebaseUser, LegacyUser, Signature, custom_token, emulator_id_token, firebase_id_token,
    legacy_token, now, session_cookie,
};

/// The kind of token to start from.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Firebase,
    Emulator,
    SessionCookie,
    Custom,
    Legacy,
}

/// A token of a kind; a test may override, leave out or spoil any part of it.
///
/// `{"kind":"firebase","uid":"u-1","email":"ann@example.com","claims":{"exp":0},"without":["auth_time"]}`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MintRequest {
    kind: Kind,
    #[serde(default = "demo_project")]
    project: String,
    /// The uid, or the row's id in a legacy token.
    #[serde(default = "some_id")]
    uid: String,
    email: Option<String>,
    #[serde(default = "yes")]
    email_verified: bool,
    #[serde(default = "plain_user")]
    user_type: String,
    /// HS256 secret; needed by legacy tokens.
    secret: Option<String>,
    /// Name of the key that signs.
    key: Option<String>,
    #[serde(default)]
    header: Map<String, Value>,
    #[serde(default)]
    without_header: Vec<String>,
    #[serde(default)]
    claims: Map<String, Value>,
    #[serde(default)]
    without: Vec<String>,
    /// The signature's bytes in base64url, instead of a real signature.
    signature: Option<String>,
}

fn demo_project() -> String {
    "demo-crossfade".to_owned()
}

fn some_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn yes() -> bool {
    true
}

fn plain_user() -> String {
    "user".to_owned()
}

pub(super) async fn mint(Json(request): Json<MintRequest>) -> Response {
    match request.mint(now()) {
        Ok(token) => Json(json!({"token": token})).into_response(),
        Err(fault) => (StatusCode::BAD_REQUEST, Json(json!({"error": fault}))).into_response(),
    }
}

impl MintRequest {
    /// The token, made at `now` (seconds since 1970).
    ///
    /// # Errors
    /// Names what is missing or unknown.
    pub fn mint(self, now: i64) -> Result<String, String> {
        let mut draft = self.start(now)?;
        if let Some(name) = &self.key {
            draft = draft.by(Key::named(name).ok_or_else(|| format!("there is no key called {name}"))?);
        }
        for (name, value) in self.header {
            draft = draft.header(&name, value);
        }
        for name in &self.without_header {
            draft = draft.without_header(name);
        }
        for (name, value) in self.claims {
            draft = draft.claim(&name, value);
        }
        for name in &self.without {
            draft = draft.without(name);
        }
        if let Some(signature) = &self.signature {
            let bytes = URL_SAFE_NO_PAD
                .decode(signature)
                .map_err(|_| "signature is not base64url")?;
            draft = draft.signed(Signature::Bytes(bytes));
        }
        Ok(draft.mint())
    }

    fn start(&self, now: i64) -> Result<Draft, String> {
        let user = FirebaseUser {
            uid: self.uid.clone(),
            email: self.email.clone(),
            email_verified: self.email_verified,
        };
        Ok(match self.kind {
            Kind::Firebase => firebase_id_token(&self.project, &user, now),
            Kind::Emulator => emulator_id_token(&self.project, &user, now),
            Kind::SessionCookie => session_cookie(&self.project, &user, now),
            Kind::Custom => custom_token(
                &format!("sdk@{}.iam.gserviceaccount.com", self.project),
                &self.uid,
                now,
            ),
            Kind::Legacy => {
                let secret = self.secret.as_ref().ok_or("a legacy token needs `secret`")?;
                let user = LegacyUser {
                    id: self.uid.clone(),
                    email: self
                        .email
                        .clone()
                        .unwrap_or_else(|| format!("{}@example.com", self.uid)),
                    username: None,
                    user_type: self.user_type.clone(),
                    token_balance: 3,
                };
                legacy_token(&user, secret.as_bytes(), now, 7 * 24 * 3_600)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mint(request: Value) -> Result<(Value, Value, Vec<u8>), String> {
        let request: MintRequest = serde_json::from_value(request).map_err(|error| error.to_string())?;
        let token = request.mint(1_000)?;
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
        let mut json = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
        Ok((json(), json(), parts.next().unwrap()))
    }

    #[test]
    fn any_part_can_be_overridden() {
        let (header, claims, signature) = mint(json!({
            "kind": "firebase", "uid": "u-1", "key": "issuer-b", "header": {"typ": "at+jwt"}, "claims": {"exp": "soon"},
            "without": ["auth_time"], "signature": "AAA",
        }))
        .unwrap();
        assert_eq!(header["kid"], Key::named("issuer-b").unwrap().kid());
        assert_eq!(header["typ"], "at+jwt");
        assert_eq!((&claims["sub"], &claims["exp"]), (&json!("u-1"), &json!("soon")));
        assert!(claims.get("auth_time").is_none());
        assert_eq!(signature, [0, 0]);
    }

    #[test]
    fn every_kind_is_minted() {
        for (kind, algorithm) in [
            ("firebase", "RS256"),
            ("emulator", "none"),
            ("session_cookie", "RS256"),
            ("custom", "RS256"),
            ("legacy", "HS256"),
        ] {
            let (header, _, signature) = mint(json!({"kind": kind, "secret": "s"})).unwrap();
            assert_eq!(header["alg"], algorithm, "{kind}");
            assert_eq!(signature.is_empty(), kind == "emulator", "{kind}");
        }
    }

    #[test]
    fn impossible_request_is_refused_with_a_reason() {
        assert!(mint(json!({"kind": "legacy"})).unwrap_err().contains("secret"));
        assert!(
            mint(json!({"kind": "firebase", "key": "x"}))
                .unwrap_err()
                .contains("no key called x")
        );
        assert!(mint(json!({"kind": "firebase", "colour": 1})).is_err());
    }
}
