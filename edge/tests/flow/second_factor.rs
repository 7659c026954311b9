//! Second factors: a service may demand one of a sign-in, and a challenge counts as no outage.

use shared::problem::ErrorCode;

use crate::no_changes;
use crate::support::{Edge, emulator_token, emulator_token_by, legacy_token};

const ME: &str = r#"{"data":{"user":{"id":"11111111-1111-4111-8111-111111111111","user_type":"user","email":"ann@example.com"}}}"#;
const REQUIRED: (u16, Option<&str>) = (403, Some("SECOND_FACTOR_REQUIRED"));

fn get(edge: &Edge, token: &str, path: &str) -> (u16, Option<&'static str>) {
    let request = format!("GET\nhttp://edge{path}\nauthorization:Bearer {token}");
    let answered = edge.handle(&request, "");
    (answered.status, answered.code)
}

#[test]
fn service_lets_only_sign_ins_with_a_second_factor_pass() {
    let edge = Edge::with(&[(
        "UPSTREAMS",
        r#"[{"prefix":"/api/shop","url":"http://shop","auth":"required","second_factor":["/api/shop/payments"]},
            {"prefix":"/api/bank","url":"http://bank","auth":"optional","second_factor":true}]"#,
    )]);
    edge.answers("/v1/changes", 200, &no_changes("77.1.1"));
    edge.answers("/v1/changes?since=77.1.1", 200, &no_changes("77.1.1"));
    edge.answers("/v1/auth/me", 200, ME);
    let without = emulator_token(&edge, "uid-1", "ann@example.com");
    let with = emulator_token_by(&edge, "uid-1", "ann@example.com", Some("totp"));
    let legacy = legacy_token(&edge, "11111111-1111-4111-8111-111111111111");
    for path in [
        "/api/shop/payments",
        "/api/shop/%70ayments",
        "/api/shop/PAYMENTS/7",
        "/api/bank/x",
    ] {
        for token in [&without, &legacy] {
            assert_eq!(get(&edge, token, path), REQUIRED, "{path}");
        }
        assert_eq!(get(&edge, &with, path), (200, None), "{path}");
    }
    assert_eq!(get(&edge, &without, "/api/shop/cart"), (200, None));
    // The service itself decides about a caller without a token, as always with `optional`.
    assert_eq!(edge.handle("GET\nhttp://edge/api/bank/x", "").status, 200);
}

#[test]
fn challenges_and_blocks_cause_no_fallback_and_open_no_breaker() {
    const LOGIN: &str = "POST\nhttps://edge/auth/login\ncontent-type:application/json";
    let edge = Edge::with(&[("ROLLOUT_PERCENT", "100")]);
    for code in [ErrorCode::SecondFactorRequired, ErrorCode::SignInBlocked] {
        edge.side("http://origin", code.status());
        for _ in 0..30 {
            let answered = edge.handle(LOGIN, r#"{"email":"ann@example.com","password":"x"}"#);
            assert_eq!(answered.status, 403);
            assert!(
                edge.last_sent().url.starts_with("http://origin"),
                "asked of the legacy service"
            );
        }
    }
}
