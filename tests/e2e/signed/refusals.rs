//! Every defect of a token has its own stable code, and the same code on every path.

use serde_json::json;
use testkit::keys::Key;
use testkit::tokens::{Draft, Signature, custom_token, now, session_cookie};

use crate::stack;
use crate::users::{id_token, legacy_draft, new_token, stranger};

fn about_somebody() -> Draft {
    id_token(&stranger())
}

/// Issued, and signed in, this many seconds from now, for an hour.
fn issued(seconds: i64) -> Draft {
    let at = now() + seconds;
    about_somebody()
        .claim("iat", at)
        .claim("auth_time", at)
        .claim("exp", at + 3_600)
}

/// The public key as text, as an attacker has it: a verifier that takes any key for any algorithm would use it as a secret.
fn public_key_as_secret() -> Signature {
    Signature::Hs256(Key::issuer().jwk()["n"].as_str().unwrap().as_bytes().to_vec())
}

fn bad_tokens() -> Vec<(&'static str, Draft, &'static str)> {
    let project = stack::project();
    vec![
        ("expired", issued(-3_600 - 120), "TOKEN_EXPIRED"),
        ("from the future", issued(300), "TOKEN_NOT_YET_VALID"),
        (
            "good for a week",
            about_somebody().claim("exp", now() + 604_800),
            "TOKEN_MALFORMED",
        ),
        (
            "another audience",
            about_somebody().claim("aud", "another-project"),
            "TOKEN_AUDIENCE",
        ),
        (
            "two audiences",
            about_somebody().claim("aud", json!([project, "x"])),
            "TOKEN_AUDIENCE",
        ),
        (
            "another project's issuer",
            about_somebody().claim("iss", "https://securetoken.google.com/another-project"),
            "TOKEN_ISSUER",
        ),
        (
            "a stranger's issuer",
            about_somebody().claim("iss", "https://evil.example"),
            "TOKEN_ISSUER",
        ),
        (
            "unsigned",
            about_somebody().header("alg", "none").signed(Signature::Empty),
            "TOKEN_ALGORITHM",
        ),
        (
            "says it is unsigned and carries a signature",
            about_somebody().header("alg", "none"),
            "TOKEN_ALGORITHM",
        ),
        (
            "HS256 with the public key as the secret",
            about_somebody()
                .header("alg", "HS256")
                .signed(public_key_as_secret()),
            "TOKEN_ALGORITHM",
        ),
        (
            "another algorithm",
            about_somebody().header("alg", "RS512"),
            "TOKEN_ALGORITHM",
        ),
        (
            "an unpublished key",
            about_somebody().by(Key::named("stranger").unwrap()),
            "TOKEN_KEY_UNKNOWN",
        ),
        (
            "a stranger's signature under the issuer's key id",
            about_somebody().signed(Signature::Rs256(Key::named("stranger").unwrap())),
            "TOKEN_SIGNATURE_INVALID",
        ),
        (
            "no subject",
            about_somebody().claim("sub", "").claim("user_id", ""),
            "TOKEN_SUBJECT",
        ),
        (
            "two subjects",
            about_somebody().claim("user_id", "somebody-else"),
            "TOKEN_SUBJECT",
        ),
        (
            "of a tenant",
            about_somebody().claim(
                "firebase",
                json!({ "tenant": "t-1", "sign_in_provider": "password" }),
            ),
            "TOKEN_TENANT",
        ),
        (
            "no key id",
            about_somebody().without_header("kid"),
            "TOKEN_MALFORMED",
        ),
        ("no expiry", about_somebody().without("exp"), "TOKEN_MALFORMED"),
        (
            "expiry as text",
            about_somebody().claim("exp", "soon"),
            "TOKEN_MALFORMED",
        ),
        (
            "critical extension",
            about_somebody().header("crit", json!(["x"])),
            "TOKEN_MALFORMED",
        ),
        ("no JSON", about_somebody().claims_bytes("no"), "TOKEN_MALFORMED"),
        (
            "a custom token",
            custom_token("sdk@demo.example", "uid-1", now()),
            "TOKEN_WRONG_KIND",
        ),
        (
            "a session cookie under a key of ID tokens",
            session_cookie(&project, &stranger(), now()).by(Key::issuer()),
            "TOKEN_KEY_UNKNOWN",
        ),
        (
            "a legacy token, expired",
            legacy_draft().claim("exp", now() - 120),
            "TOKEN_EXPIRED",
        ),
        (
            "a legacy token by another secret",
            legacy_draft().signed(Signature::Hs256(b"another secret of 32 bytes length".to_vec())),
            "TOKEN_SIGNATURE_INVALID",
        ),
        (
            "a legacy token for others",
            legacy_draft().claim("aud", "others"),
            "TOKEN_AUDIENCE",
        ),
        (
            "a legacy token of others",
            legacy_draft().claim("iss", "others"),
            "TOKEN_ISSUER",
        ),
    ]
}

#[tokio::test]
async fn every_defect_has_its_code() {
    let edge = stack::edge();
    for (defect, draft, code) in bad_tokens() {
        println!("{defect}");
        let token = draft.mint();
        let answer = edge.me(&token).await.refused(401, code).marked();
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(
            challenge.starts_with("Bearer error=\"invalid_token\", error_description=\""),
            "the challenge\n{answer}"
        );
        assert!(
            !answer.text.contains(&token),
            "the token is in its refusal\n{answer}"
        );
        // The origin reaches the same verdict when a service calls it directly, and when the token is in the body.
        stack::origin().me(&token).await.refused(401, code);
        edge.post("/v1/auth/verify-token", &json!({ "token": token }))
            .send()
            .await
            .refused(401, code)
            .marked();
    }
}

#[tokio::test]
async fn legacy_verify_token_answers_200_for_a_bad_token() {
    for (defect, draft, _) in bad_tokens() {
        println!("{defect}");
        stack::edge()
            .post("/auth/verify-token", &json!({ "token": draft.mint() }))
            .send()
            .await
            .expect(200)
            .marked()
            .has("/success", true)
            .has("/data/valid", false);
    }
}

#[tokio::test]
async fn missing_token_gets_a_challenge() {
    stack::edge()
        .get("/v1/auth/me")
        .send()
        .await
        .refused(401, "TOKEN_MISSING")
        .marked()
        // RFC 6750 section 3.1: no error code for a request without a credential.
        .has_header("www-authenticate", "Bearer");
}

#[tokio::test]
async fn only_one_bearer_token_is_a_credential() {
    let edge = stack::edge();
    let token = new_token();
    for authorization in [
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer {token} {token}"),
        format!("Basic {token}"),
        token.clone(),
        "Bearer".to_owned(),
        "Bearer a.b".to_owned(),
    ] {
        edge.get("/v1/auth/me")
            .header("authorization", &authorization)
            .send()
            .await
            .refused(401, "TOKEN_MALFORMED")
            .marked();
    }
    edge.get("/v1/auth/me")
        .header("authorization", &format!("bEARER {token}"))
        .send()
        .await
        .expect(200);
}
