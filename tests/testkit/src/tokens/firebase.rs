//! Tokens as Firebase makes them: ID tokens, session cookies, custom tokens, and the emulator's unsigned ones.
//!
//! Claims: <https://firebase.google.com/docs/auth/admin/verify-id-tokens>,
//! <https://firebase.google.com/docs/auth/admin/manage-cookies>, <https://firebase.google.com/docs/auth/admin/create-custom-tokens>.

use serde_json::json;

use super::draft::{Draft, Signature};
use crate::keys::Key;

/// A user with an account at Firebase.
#[derive(Debug, Clone)]
pub struct FirebaseUser {
    /// The user's uid.
    pub uid: String,
    /// The user's address; users who came by phone or anonymously have none.
    pub email: Option<String>,
    /// Whether the user has proven to read mail there.
    pub email_verified: bool,
}

impl FirebaseUser {
    /// A user with a verified address.
    #[must_use]
    pub fn new(uid: &str, email: &str) -> Self {
        Self {
            uid: uid.to_owned(),
            email: Some(email.to_owned()),
            email_verified: true,
        }
    }
}

/// An ID token, valid for an hour from `now` (seconds since 1970), signed by [`Key::issuer`].
#[must_use]
pub fn firebase_id_token(project: &str, user: &FirebaseUser, now: i64) -> Draft {
    let draft = Draft::new(Signature::Empty)
        .header("alg", "RS256")
        .header("typ", "JWT")
        .by(Key::issuer())
        .claim("iss", format!("https://securetoken.google.com/{project}"))
        .claim("exp", now.saturating_add(3_600));
    about(draft, project, user, now)
}

/// A session cookie of five days: it has another issuer and another key.
#[must_use]
pub fn session_cookie(project: &str, user: &FirebaseUser, now: i64) -> Draft {
    let mut draft = Draft::new(Signature::Empty)
        .header("alg", "RS256")
        .claim("iss", format!("https://session.firebase.google.com/{project}"))
        .claim("exp", now.saturating_add(5 * 24 * 3_600));
    if let Some(key) = Key::named("cookies") {
        draft = draft.by(key);
    }
    about(draft, project, user, now)
}

/// An ID token of the Auth emulator: unsigned, with `alg` none.
#[must_use]
pub fn emulator_id_token(project: &str, user: &FirebaseUser, now: i64) -> Draft {
    firebase_id_token(project, user, now)
        .header("alg", "none")
        .without_header("kid")
        .signed(Signature::Empty)
}

/// A custom token: a server hands it to a client, which signs in with it. Never a credential by itself.
#[must_use]
pub fn custom_token(service_account: &str, uid: &str, now: i64) -> Draft {
    Draft::new(Signature::Rs256(Key::issuer()))
        .header("alg", "RS256")
        .header("typ", "JWT")
        .claim("iss", service_account)
        .claim("sub", service_account)
        .claim(
            "aud",
            "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit",
        )
        .claim("iat", now)
        .claim("exp", now.saturating_add(3_600))
        .claim("uid", uid)
}

fn about(draft: Draft, project: &str, user: &FirebaseUser, now: i64) -> Draft {
    let mut identities = json!({});
    let mut provider = "anonymous";
    let mut draft = draft
        .claim("aud", project)
        .claim("auth_time", now)
        .claim("iat", now)
        .claim("sub", user.uid.as_str())
        .claim("user_id", user.uid.as_str());
    if let Some(email) = &user.email {
        identities = json!({"email": [email]});
        provider = "password";
        draft = draft
            .claim("email", email.as_str())
            .claim("email_verified", user.email_verified);
    }
    draft.claim(
        "firebase",
        json!({"identities": identities, "sign_in_provider": provider}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_token_says_what_firebase_documents() {
        let ann = FirebaseUser::new("uid-ann", "ann@example.com");
        let draft = firebase_id_token("demo", &ann, 1_000);
        let claims = draft.claims();
        assert_eq!(claims["iss"], "https://securetoken.google.com/demo");
        assert_eq!(claims["aud"], "demo");
        assert_eq!(claims["sub"], claims["user_id"]);
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(1_000), &json!(4_600)));
        assert_eq!(claims["firebase"]["sign_in_provider"], "password");
        assert_eq!(draft.mint().split('.').filter(|part| !part.is_empty()).count(), 3);
    }

    #[test]
    fn an_emulator_token_is_unsigned() {
        let someone = FirebaseUser {
            uid: "u".to_owned(),
            email: None,
            email_verified: false,
        };
        let draft = emulator_id_token("demo", &someone, 0);
        assert!(draft.mint().ends_with('.'));
        assert!(!draft.claims().contains_key("email"));
        assert_eq!(draft.claims()["firebase"]["sign_in_provider"], "anonymous");
    }
}
