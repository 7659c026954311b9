//! Tokens that need neither keys nor RSA.

use shared::base64url;

use super::{Edge, LEGACY_SECRET};

/// A token as the Auth emulator makes them.
pub fn emulator_token(edge: &Edge, uid: &str, email: &str) -> String {
    emulator_token_by(edge, uid, email, None)
}

/// [`emulator_token`] of a sign-in with this second factor.
pub fn emulator_token_by(edge: &Edge, uid: &str, email: &str, factor: Option<&str>) -> String {
    let issuer = "https://securetoken.google.com/demo-crossfade";
    emulated(edge, issuer, uid, email, factor)
}

/// A session cookie as the Auth emulator makes them.
pub fn emulator_cookie(edge: &Edge, uid: &str) -> String {
    let issuer = "https://session.firebase.google.com/demo-crossfade";
    emulated(edge, issuer, uid, "ann@example.com", None)
}

fn emulated(edge: &Edge, issuer: &str, uid: &str, email: &str, factor: Option<&str>) -> String {
    let now = edge.now.get().secs();
    let mut claims = serde_json::json!({
        "iss": issuer, "aud": "demo-crossfade",
        "sub": uid, "user_id": uid, "email": email, "email_verified": true,
        "iat": now, "auth_time": now, "exp": now + 3600,
        "firebase": {"identities": {}, "sign_in_provider": "password"},
    });
    if let Some(factor) = factor {
        claims["firebase"]["sign_in_second_factor"] = factor.into();
    }
    let part = |text: &str| base64url::encode(text.as_bytes());
    format!(
        "{}.{}.",
        part(r#"{"alg":"none","typ":"JWT"}"#),
        part(&claims.to_string())
    )
}

/// A token as the legacy service makes them.
pub fn legacy_token(edge: &Edge, id: &str) -> String {
    legacy_token_saying(
        edge,
        id,
        &serde_json::json!({ "tokenBalance": 3, "type": "user" }),
    )
}

/// The same, with the additional claims `more`.
pub fn legacy_token_saying(edge: &Edge, id: &str, more: &serde_json::Value) -> String {
    use hmac::{Hmac, Mac};
    let now = edge.now.get().secs();
    let mut claims = serde_json::json!({
        "id": id, "email": "ann@example.com",
        "iss": "atma-auth-service", "aud": "atma-services", "iat": now, "exp": now + 604_800,
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let part = |text: &str| base64url::encode(text.as_bytes());
    let signed = format!(
        "{}.{}",
        part(r#"{"alg":"HS256","typ":"JWT"}"#),
        part(&claims.to_string())
    );
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(LEGACY_SECRET.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", base64url::encode(&mac.finalize().into_bytes()))
}

/// The claims of a token.
pub fn claims(token: &str) -> serde_json::Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload.as_bytes()).unwrap()).unwrap()
}
