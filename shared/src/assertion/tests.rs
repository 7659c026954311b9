//! A sealed assertion opens, and nothing else does.

use super::*;
use crate::identity::{Subject, TokenKind};
use crate::ids::FirebaseUid;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);

fn keys(names: &[&str]) -> AssertionKeys {
    let text: Vec<String> = names
        .iter()
        .map(|name| format!("{name}:{}", base64url::encode(&name.repeat(32).into_bytes())))
        .collect();
    AssertionKeys::parse(&text.join(",")).unwrap()
}

fn identity() -> ProvenIdentity {
    ProvenIdentity::new(Identity {
        email: Some("a@b.de".to_owned()),
        email_verified: true,
        sign_in_provider: Some("password".to_owned()),
        ..Identity::new(
            TokenKind::Firebase,
            Subject::Firebase(FirebaseUid::parse("uid-1").unwrap()),
            NOW,
            NOW.plus(3600),
        )
    })
}

fn seal(keys: &AssertionKeys) -> String {
    let identity = identity();
    keys.seal(
        &Assertion {
            audience: ORIGIN_AUDIENCE,
            method: "GET",
            path: "/v1/auth/me",
            request_id: &RequestId::parse("r-1").unwrap(),
            client_ip: Some("192.0.2.1"),
            identity: Some(&identity),
            user: None,
        },
        NOW,
    )
    .unwrap()
}

const EXPECTED: Expected<'static> = Expected {
    audience: ORIGIN_AUDIENCE,
    method: "GET",
    path: "/v1/auth/me",
};

#[test]
fn sealed_assertion_opens() {
    let keys = keys(&["a"]);
    let opened = keys.open(&seal(&keys), &EXPECTED, NOW, ClockSkew::NONE).unwrap();
    assert_eq!(opened.identity.unwrap(), identity());
    assert_eq!(opened.request_id.as_str(), "r-1");
    assert_eq!(opened.client_ip.as_deref(), Some("192.0.2.1"));
}

#[test]
fn keys_rotate_without_a_gap() {
    let (old, both, new) = (keys(&["a"]), keys(&["b", "a"]), keys(&["b"]));
    assert!(both.open(&seal(&old), &EXPECTED, NOW, ClockSkew::NONE).is_ok());
    assert!(new.open(&seal(&both), &EXPECTED, NOW, ClockSkew::NONE).is_ok());
    assert_eq!(
        new.open(&seal(&old), &EXPECTED, NOW, ClockSkew::NONE),
        Err(AssertionRejection::KeyUnknown)
    );
}

#[test]
fn an_assertion_is_good_for_one_request_and_one_minute() {
    let keys = keys(&["a"]);
    let sealed = seal(&keys);
    let open = |expected: &Expected<'_>, now| keys.open(&sealed, expected, now, ClockSkew::NONE);
    assert_eq!(
        open(
            &Expected {
                audience: "archive",
                ..EXPECTED
            },
            NOW
        ),
        Err(AssertionRejection::Audience)
    );
    assert_eq!(
        open(
            &Expected {
                method: "POST",
                ..EXPECTED
            },
            NOW
        ),
        Err(AssertionRejection::Request)
    );
    assert_eq!(
        open(
            &Expected {
                path: "/v1/auth/user",
                ..EXPECTED
            },
            NOW
        ),
        Err(AssertionRejection::Request)
    );
    assert!(open(&EXPECTED, NOW.plus(59)).is_ok());
    assert_eq!(open(&EXPECTED, NOW.plus(61)), Err(AssertionRejection::Expired));
    assert_eq!(open(&EXPECTED, NOW.plus(-1)), Err(AssertionRejection::Expired));
    assert!(
        keys.open(&sealed, &EXPECTED, NOW.plus(-5), ClockSkew::DEFAULT)
            .is_ok()
    );
}

#[test]
fn any_other_text_is_refused() {
    let keys = keys(&["a"]);
    let sealed = seal(&keys);
    let mut parts: Vec<String> = sealed.split('.').map(str::to_owned).collect();
    let open = |text: &str| keys.open(text, &EXPECTED, NOW, ClockSkew::NONE);
    let none = base64url::encode(br#"{"alg":"none","kid":"a","typ":"crossfade+jwt"}"#);
    assert!(open(&format!("{none}.{}.", parts[1])).is_err());
    assert!(open(&format!("{none}.{}.{}", parts[1], parts[2])).is_err());
    let forged = AssertionKeys::parse(&format!("a:{}", base64url::encode(&[7; 32]))).unwrap();
    assert_eq!(open(&seal(&forged)), Err(AssertionRejection::Signature));
    parts[1] = base64url::encode(br#"{"iss":"crossfade-edge"}"#);
    // What nobody signed is not looked into.
    assert_eq!(open(&parts.join(".")), Err(AssertionRejection::Signature));
    for text in ["", ".", "..", "a.b.c", &"x".repeat(MAX_BYTES + 1)] {
        assert_eq!(open(text), Err(AssertionRejection::Malformed), "{text:.20}");
    }
}

#[test]
fn audience_keys_seal_for_no_other_audience() {
    let keys = keys(&["a", "b"]);
    let archive = keys.for_audience("archive");
    assert!(AssertionKeys::parse(&archive.reveal()).is_ok());
    assert_eq!(keys.for_audience(ORIGIN_AUDIENCE).reveal(), keys.reveal());
    let forged = seal(&archive);
    for others in [
        &keys,
        &keys.for_audience("chatbot"),
        &archive.for_audience("archive"),
    ] {
        assert_eq!(
            others.open(&forged, &EXPECTED, NOW, ClockSkew::NONE),
            Err(AssertionRejection::Signature)
        );
    }
    assert!(archive.open(&forged, &EXPECTED, NOW, ClockSkew::NONE).is_ok());
}

#[test]
fn weak_or_unreadable_keys_are_refused() {
    let good = base64url::encode(&[1; 32]);
    assert!(AssertionKeys::parse(&format!("k1:{good}, k2:{good}")).is_ok());
    for (text, word) in [
        (String::new(), "entry 1"),
        (good.clone(), "kid:base64url"),
        (format!("k:{}", base64url::encode(&[1; 31])), "32 bytes"),
        (format!("k:{good}="), "not base64url"),
        (format!("k:{good},k:{good}"), "repeats"),
        (format!("k k:{good}"), "kid"),
        (format!("k:{good},"), "entry 2"),
    ] {
        let reason = AssertionKeys::parse(&text).unwrap_err();
        assert!(reason.contains(word), "{reason}");
        assert!(!reason.contains(&good));
    }
}
