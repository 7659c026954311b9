//! Makes `tests/vectors/assertions.json`: assertions with their verdicts, for every implementation that opens them.

use serde_json::{Value, json};

use super::*;
use crate::identity::{LegacyAccount, Subject, TokenKind};
use crate::ids::{FirebaseUid, ProjectId, UserId};

const NOW: UnixTime = UnixTime::from_secs(1_795_000_000);
const AUDIENCE: &str = "archive";
const METHOD: &str = "GET";
const PATH: &str = "/api/archive/results/7";
const USER: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// `UPDATE_VECTORS=1 cargo test -p crossfade-shared` writes the file again.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn the_vector_file_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/assertions.json");
    let made = serde_json::to_string_pretty(&file()).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == made,
        "tests/vectors/assertions.json is out of date"
    );
}

#[test]
fn every_vector_gets_its_verdict() {
    for vector in vectors() {
        let opened = service_keys().open(
            &vector.assertion,
            &Expected {
                audience: vector.audience,
                method: vector.method,
                path: vector.path,
            },
            vector.now,
            ClockSkew::from_secs(vector.skew_seconds).unwrap(),
        );
        let outcome = opened
            .as_ref()
            .map_or_else(|refused| refused.reason(), |_| "accepted");
        assert_eq!(outcome, vector.expect, "{}", vector.name);
        assert_eq!(
            opened.ok().map(|opened| shown(&opened)),
            vector.opened,
            "{}",
            vector.name
        );
    }
}

struct Vector {
    name: &'static str,
    assertion: String,
    audience: &'static str,
    method: &'static str,
    path: &'static str,
    now: UnixTime,
    skew_seconds: i64,
    expect: &'static str,
    opened: Option<Value>,
}

impl Vector {
    /// A case that must be refused for `reason`.
    fn refused(name: &'static str, reason: &'static str, assertion: String) -> Self {
        Self {
            name,
            assertion,
            audience: AUDIENCE,
            method: METHOD,
            path: PATH,
            now: NOW,
            skew_seconds: 30,
            expect: reason,
            opened: None,
        }
    }

    /// A case that must be accepted, as a statement of `opened`.
    fn accepted(name: &'static str, opened: &OpenedAssertion, assertion: String) -> Self {
        Self {
            opened: Some(shown(opened)),
            ..Self::refused(name, "accepted", assertion)
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn json(&self) -> Value {
        json!({
            "name": self.name, "assertion": self.assertion, "audience": self.audience, "method": self.method,
            "path": self.path, "now": self.now, "skew_seconds": self.skew_seconds, "expect": self.expect,
            "opened": self.opened,
        })
    }
}

fn shown(opened: &OpenedAssertion) -> Value {
    json!({
        "request_id": opened.request_id,
        "client_ip": opened.client_ip,
        "identity": opened.identity.as_ref().map(ProvenIdentity::get),
        "user": opened.user,
    })
}

#[cfg(not(target_arch = "wasm32"))]
fn file() -> Value {
    json!({
        "edge_keys": edge_keys().reveal(),
        "keys": service_keys().reveal(),
        "vectors": vectors().iter().map(Vector::json).collect::<Vec<_>>(),
    })
}

/// The edge's configured keys: the newer one first.
fn edge_keys() -> AssertionKeys {
    let new = base64url::encode(&[0x22; 32]);
    let old = base64url::encode(&[0x11; 32]);
    AssertionKeys::parse(&format!("2027-02:{new},2027-01:{old}")).unwrap()
}

/// The service's configured keys.
fn service_keys() -> AssertionKeys {
    edge_keys().for_audience(AUDIENCE)
}

fn firebase() -> OpenedAssertion {
    let identity = Identity {
        kind: TokenKind::Firebase,
        subject: Subject::Firebase(FirebaseUid::parse("uid-ada").unwrap()),
        project: Some(ProjectId::parse("demo-crossfade").unwrap()),
        tenant: None,
        email: Some("ada@example.com".to_owned()),
        email_verified: true,
        name: Some("Ada Lovelace, née Byron".to_owned()),
        picture: None,
        phone_number: None,
        sign_in_provider: Some("password".to_owned()),
        second_factor: None,
        auth_time: NOW.plus(-600),
        issued_at: NOW.plus(-10),
        expires_at: NOW.plus(3590),
        legacy_account: None,
    };
    OpenedAssertion {
        request_id: RequestId::parse("edge-request-1").unwrap(),
        client_ip: Some("192.0.2.7".to_owned()),
        identity: Some(ProvenIdentity::new(identity)),
        user: Some(AssertedUser {
            id: UserId::parse(USER).unwrap(),
            email: Some("ada@example.com".to_owned()),
            email_verified: true,
            user_type: "user".to_owned(),
        }),
    }
}

fn legacy_admin() -> OpenedAssertion {
    let id = UserId::parse(USER).unwrap();
    let mut stated = firebase();
    let mut identity = stated.identity.unwrap().into_inner();
    identity.kind = TokenKind::Legacy;
    identity.subject = Subject::Legacy(id);
    identity.project = None;
    identity.sign_in_provider = None;
    identity.email_verified = false;
    identity.legacy_account = Some(LegacyAccount::Admin {
        role: "superadmin".to_owned(),
    });
    stated.identity = Some(ProvenIdentity::new(identity));
    stated.user = Some(AssertedUser {
        id,
        email: None,
        email_verified: false,
        user_type: "superadmin".to_owned(),
    });
    stated
}

fn nobody() -> OpenedAssertion {
    OpenedAssertion {
        client_ip: None,
        identity: None,
        user: None,
        ..firebase()
    }
}

/// Seals with the edge's own code.
fn seal(keys: &AssertionKeys, stated: &OpenedAssertion, audience: &str) -> String {
    keys.seal(
        &Assertion {
            audience,
            method: METHOD,
            path: PATH,
            request_id: &stated.request_id,
            client_ip: stated.client_ip.as_deref(),
            identity: stated.identity.as_ref(),
            user: stated.user.as_ref(),
        },
        NOW,
    )
    .unwrap()
}

/// Makes an assertion by hand: any header and claims, under the service's newest key.
fn forge(header: &str, claims: &Value) -> String {
    let (_, key) = &service_keys().keys[0];
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), encoded(claims));
    format!("{input}.{}", base64url::encode(&key.sign(input.as_bytes())))
}

fn encoded(claims: &Value) -> String {
    base64url::encode(claims.to_string().as_bytes())
}

const HEADER: &str = r#"{"alg":"HS256","kid":"2027-02","typ":"crossfade+jwt"}"#;

/// Good claims, with `name` set to `value`; `null` leaves it out.
fn claims(name: &str, value: Value) -> Value {
    let mut claims = json!({
        "iss": "crossfade-edge", "aud": AUDIENCE, "htm": METHOD, "htu": PATH, "jti": "edge-request-1",
        "iat": NOW, "exp": NOW.plus(60),
    });
    let members = claims.as_object_mut().unwrap();
    members.remove(name);
    if !value.is_null() {
        members.insert(name.to_owned(), value);
    }
    claims
}

fn with_claim(name: &str, value: Value) -> String {
    forge(HEADER, &claims(name, value))
}

fn vectors() -> Vec<Vector> {
    [good(), binding(), time(), keys(), shape()]
        .into_iter()
        .flatten()
        .collect()
}

fn good() -> Vec<Vector> {
    let old = AssertionKeys {
        keys: vec![service_keys().keys[1].clone()],
    };
    [
        ("a user with a Firebase token", service_keys(), firebase()),
        (
            "an administrator with a legacy token",
            service_keys(),
            legacy_admin(),
        ),
        ("nobody: a public route", service_keys(), nobody()),
        ("sealed with the key before the newest", old, firebase()),
    ]
    .into_iter()
    .map(|(name, keys, stated)| Vector::accepted(name, &stated, seal(&keys, &stated, AUDIENCE)))
    .chain([Vector::accepted(
        "made by another library",
        &nobody(),
        with_claim("iss", json!("crossfade-edge")),
    )])
    .collect()
}

fn binding() -> Vec<Vector> {
    let sealed = || seal(&service_keys(), &firebase(), AUDIENCE);
    vec![
        Vector::refused(
            "for another service, under our key",
            "audience",
            seal(&service_keys(), &firebase(), "chatbot"),
        ),
        Vector {
            audience: "chatbot",
            ..Vector::refused("ours, shown to another service", "audience", sealed())
        },
        Vector::refused("by another issuer", "audience", with_claim("iss", json!("edge"))),
        Vector::refused(
            "several audiences",
            "malformed",
            with_claim("aud", json!([AUDIENCE])),
        ),
        Vector {
            method: "DELETE",
            ..Vector::refused("another method", "request", sealed())
        },
        Vector {
            method: "get",
            ..Vector::refused("the method in another case", "request", sealed())
        },
        Vector {
            path: "/api/archive/results/8",
            ..Vector::refused("another path", "request", sealed())
        },
        Vector {
            path: "/api/archive/results/7/",
            ..Vector::refused("a slash more", "request", sealed())
        },
        Vector {
            path: "/api/archive/results/%37",
            ..Vector::refused("the path spelled differently", "request", sealed())
        },
    ]
}

fn time() -> Vec<Vector> {
    let at = |name, expect, seconds: i64, skew_seconds| Vector {
        now: NOW.plus(seconds),
        skew_seconds,
        opened: (expect == "accepted").then(|| shown(&firebase())),
        ..Vector::refused(name, expect, seal(&service_keys(), &firebase(), AUDIENCE))
    };
    vec![
        at("in its last second", "accepted", 60, 0),
        at("a second after its last", "expired", 61, 0),
        at("in the last second of the tolerance", "accepted", 90, 30),
        at("a second after the tolerance", "expired", 91, 30),
        at("from a clock at the edge of the tolerance", "accepted", -30, 30),
        at("from the future", "expired", -31, 30),
        Vector::refused(
            "good for longer than a minute",
            "expired",
            with_claim("exp", json!(NOW.plus(61))),
        ),
        Vector::refused("without an end", "expired", with_claim("exp", Value::Null)),
        Vector::refused("without a beginning", "malformed", with_claim("iat", Value::Null)),
        Vector::refused(
            "its end as text",
            "malformed",
            with_claim("exp", json!("1795000060")),
        ),
    ]
}

fn keys() -> Vec<Vector> {
    let stranger = AssertionKeys::parse(&format!("2027-02:{}", base64url::encode(&[0x33; 32]))).unwrap();
    let unknown = AssertionKeys::parse(&format!("2026-12:{}", base64url::encode(&[0x11; 32]))).unwrap();
    let good = claims("ip", Value::Null);
    let sealed = seal(&service_keys(), &firebase(), AUDIENCE);
    let (input, signature) = sealed.rsplit_once('.').unwrap();
    let (header, _) = input.split_once('.').unwrap();
    let raised = encoded(&claims("ip", json!("192.0.2.8")));
    vec![
        Vector::refused(
            "sealed by a stranger",
            "signature",
            seal(&stranger, &firebase(), AUDIENCE),
        ),
        Vector::refused(
            "sealed with the edge's key instead of the service's",
            "signature",
            seal(&edge_keys(), &firebase(), AUDIENCE),
        ),
        Vector::refused(
            "a key we do not have",
            "key_unknown",
            seal(&unknown, &firebase(), AUDIENCE),
        ),
        Vector::refused(
            "no key named",
            "key_unknown",
            forge(r#"{"alg":"HS256","typ":"crossfade+jwt"}"#, &good),
        ),
        Vector::refused(
            "other claims under the signature",
            "signature",
            format!("{header}.{raised}.{signature}"),
        ),
        Vector::refused(
            "no algorithm, no signature",
            "signature",
            format!(
                "{}.{raised}.",
                base64url::encode(br#"{"alg":"none","kid":"2027-02","typ":"crossfade+jwt"}"#)
            ),
        ),
        Vector::refused(
            "another algorithm's name",
            "signature",
            forge(r#"{"alg":"HS512","kid":"2027-02","typ":"crossfade+jwt"}"#, &good),
        ),
        Vector::refused(
            "the algorithm in another case",
            "signature",
            forge(r#"{"alg":"hs256","kid":"2027-02","typ":"crossfade+jwt"}"#, &good),
        ),
        Vector::refused(
            "half a signature",
            "signature",
            format!("{input}.{}", &signature[..20]),
        ),
    ]
}

fn shape() -> Vec<Vector> {
    let sealed = seal(&service_keys(), &nobody(), AUDIENCE);
    let (input, signature) = sealed.rsplit_once('.').unwrap();
    let good = claims("ip", Value::Null);
    // 32 bytes leave two unused bits in the last of 43 symbols.
    let last = if signature.ends_with('A') { 'B' } else { 'z' };
    let unused_bits = format!("{input}.{}{last}", &signature[..signature.len() - 1]);
    let padded = format!("{sealed}=");
    [
        ("empty", String::new()),
        ("two parts", input.to_owned()),
        ("four parts", format!("{sealed}.")),
        ("dots alone", "..".to_owned()),
        ("padded base64", padded),
        ("unused bits that are not zero", unused_bits),
        ("a blank before it", format!(" {sealed}")),
        ("a line break behind it", format!("{sealed}\n")),
        (
            "standard base64",
            format!("{input}.{}+", &signature[..signature.len() - 1]),
        ),
        ("a header that is no JSON", forge("HS256", &good)),
        ("a header that is no object", forge("[]", &good)),
        (
            "another kind of token",
            forge(r#"{"alg":"HS256","kid":"2027-02","typ":"JWT"}"#, &good),
        ),
        (
            "no kind of token",
            forge(r#"{"alg":"HS256","kid":"2027-02"}"#, &good),
        ),
        (
            "claims that are no object",
            forge(HEADER, &json!("crossfade-edge")),
        ),
        ("no method", with_claim("htm", Value::Null)),
        ("no path", with_claim("htu", Value::Null)),
        ("no request's name", with_claim("jti", Value::Null)),
        (
            "a request's name that breaks its rule",
            with_claim("jti", json!("a b")),
        ),
        (
            "a user without a valid id",
            with_claim("usr", json!({"id": "7", "user_type": "user"})),
        ),
        (
            "a user with a proof of the address that is no boolean",
            with_claim(
                "usr",
                json!({"id": USER, "user_type": "user", "email_verified": "true"}),
            ),
        ),
        (
            "an identity that is none",
            with_claim("id", json!({"kind": "guest"})),
        ),
        ("an address that is a number", with_claim("ip", json!(7))),
        (
            "longer than 16 KiB",
            with_claim("ip", json!("7".repeat(MAX_BYTES))),
        ),
    ]
    .into_iter()
    .map(|(name, assertion)| Vector::refused(name, "malformed", assertion))
    .collect()
}
