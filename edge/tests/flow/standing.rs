//! A legacy token is void in the legacy contract too, once its user has signed out or is deactivated at v2.

use crate::support::{Edge, SERVICE_KEY, legacy_token};
use crate::{ME, NEW_FEED, SOMEBODY, half, no_changes};

const ID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const VERIFY: &str = "POST\nhttps://edge/auth/verify-token\ncontent-type:application/json";
const CALLS: [(&str, &str); 8] = [
    ("GET", "/auth/profile"),
    ("PUT", "/auth/profile"),
    ("DELETE", "/auth/profile"),
    ("DELETE", "/auth/account"),
    ("POST", "/auth/change-password"),
    ("PUT", "/auth/change-password"),
    ("GET", "/auth/token-balance"),
    ("GET", "/api/auth/profile"),
];

fn call(edge: &Edge, method: &str, path: &str) -> (u16, Option<&'static str>) {
    let token = legacy_token(edge, ID);
    let request = format!("{method}\nhttps://edge{path}\nauthorization:Bearer {token}");
    let answered = edge.handle(&request, "{}");
    (answered.status, answered.code)
}

fn sent_to_legacy(edge: &Edge) -> usize {
    let sent = edge.sent();
    sent.iter()
        .filter(|sent| sent.url.starts_with("http://legacy"))
        .count()
}

#[test]
fn void_legacy_token_does_not_reach_the_legacy_service() {
    for (status, expected) in [
        (401, (401, Some("TOKEN_REVOKED"))),
        (403, (403, Some("USER_DISABLED"))),
    ] {
        for (method, path) in CALLS {
            let edge = half();
            edge.answers("/v1/auth/me", status, "{}");
            assert_eq!(call(&edge, method, path), expected, "{method} {path}");
            assert_eq!(sent_to_legacy(&edge), 0, "{method} {path}");
        }
    }
}

#[test]
fn legacy_tokens_are_honoured_while_the_origin_cannot_say() {
    for status in [0, 404, 409, 429, 500, 503] {
        let edge = half();
        edge.side("http://origin", status);
        if status > 0 {
            edge.answers("/v1/auth/me", status, "{}");
        }
        for (method, path) in CALLS {
            assert_eq!(call(&edge, method, path).0, 200, "{method} {path}: {status}");
        }
        assert_eq!(sent_to_legacy(&edge), CALLS.len(), "{status}");
    }
}

#[test]
fn origin_that_is_away_is_not_asked_for_every_request() {
    let edge = half();
    // Several callers have seen it: one alone opens no breaker.
    edge.side("http://origin", 0);
    edge.handle_by(5, "GET\nhttps://edge/v1/auth/me", "");
    for _ in 0..200 {
        assert_eq!(call(&edge, "GET", "/auth/profile").0, 200);
    }
    assert!(edge.asked("/v1/auth/me") <= 10, "{}", edge.asked("/v1/auth/me"));
}

#[test]
fn user_in_good_standing_is_looked_up_once_and_is_out_within_ten_seconds() {
    let edge = half();
    edge.answers("/v1/auth/me", 200, ME);
    edge.answers("/v1/changes", 200, NEW_FEED);
    edge.answers("?since=77.1.1", 200, &no_changes("77.1.2"));
    edge.answers("?since=77.1.2", 200, &no_changes("77.1.2"));
    let token = legacy_token(&edge, ID);
    let profile = format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {token}");
    let verify = format!(r#"{{"token":"{token}"}}"#);
    for _ in 0..60 {
        assert_eq!(edge.handle(&profile, "").status, 200);
        assert_eq!(edge.handle(VERIFY, &verify).status, 200);
        edge.pass(1);
    }
    // Once, and once more: the first answer may have come from a replica that did not know changes from before the feed began.
    assert_eq!(edge.asked("/v1/auth/me"), 2);
    edge.answers("?since=77.1.2", 200, SOMEBODY);
    edge.answers("/v1/auth/me", 401, "{}");
    for _ in 0..10 {
        edge.pass(1);
        edge.handle(&profile, "");
    }
    assert_eq!(edge.handle(&profile, "").code, Some("TOKEN_REVOKED"));
}

#[test]
fn origin_gives_the_verdict_on_a_void_token() {
    let edge = half();
    edge.answers("/v1/auth/me", 401, "{}");
    let body = format!(r#"{{"token":"{}"}}"#, legacy_token(&edge, ID));
    let answered = edge.handle(VERIFY, &body);
    assert_eq!((answered.route, answered.reason), ("v2", "token_void"));
    assert_eq!(edge.last_sent().url, "http://origin/auth/verify-token");
    // The edge asks no second side.
    edge.side("http://origin", 0);
    assert_eq!(edge.handle(VERIFY, &body).status, 503);
    assert_eq!(sent_to_legacy(&edge), 0);
    // The legacy service refuses a token that breaks a rule.
    assert_eq!(edge.handle(VERIFY, r#"{"token":"a.b.c"}"#).route, "legacy");
}

#[test]
fn service_writes_a_balance_under_any_users_token() {
    let edge = half();
    edge.answers("/v1/auth/me", 401, "{}");
    let token = legacy_token(&edge, ID);
    let request = format!(
        "PUT\nhttps://edge/auth/token-balance\nauthorization:Bearer {token}\nx-service-key:{SERVICE_KEY}"
    );
    assert_eq!(edge.handle(&request, "{}").status, 200);
    assert_eq!(sent_to_legacy(&edge), 1);
}
