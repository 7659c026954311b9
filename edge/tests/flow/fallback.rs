//! The other side is asked where the first one fails.

use crate::support::{emulator_token, legacy_token};
use crate::{IN_COHORT, LOGIN, ME, NOT_IN_COHORT, half};

/// The table of which sides are asked, and which answer counts.
#[test]
fn sign_ins_survive_one_failing_side() {
    // (body, v2's status, legacy's status) → (status, route, reason); 0 = unreachable.
    for (body, v2, legacy, status, route, reason) in [
        (IN_COHORT, 200, 200, 200, "v2", "in_cohort"),
        (IN_COHORT, 401, 200, 401, "v2", "in_cohort"),
        (IN_COHORT, 404, 200, 200, "legacy", "fallback_unknown_there"),
        (IN_COHORT, 404, 401, 401, "legacy", "fallback_unknown_there"),
        (IN_COHORT, 404, 404, 404, "v2", "in_cohort"),
        // A stranger has registered the user's address at Firebase.
        (IN_COHORT, 409, 200, 200, "legacy", "fallback_conflict_there"),
        (IN_COHORT, 409, 404, 409, "v2", "in_cohort"),
        (IN_COHORT, 503, 200, 200, "legacy", "fallback_server_error"),
        (IN_COHORT, 0, 200, 200, "legacy", "fallback_unreachable"),
        (IN_COHORT, 503, 404, 503, "v2", "in_cohort"),
        (IN_COHORT, 0, 0, 503, "edge", "upstream_unreachable"),
        (NOT_IN_COHORT, 200, 200, 200, "legacy", "not_in_cohort"),
        (NOT_IN_COHORT, 200, 401, 401, "legacy", "not_in_cohort"),
        (NOT_IN_COHORT, 200, 404, 200, "v2", "fallback_unknown_there"),
        (NOT_IN_COHORT, 200, 500, 200, "v2", "fallback_server_error"),
        (NOT_IN_COHORT, 200, 0, 200, "v2", "fallback_unreachable"),
        (NOT_IN_COHORT, 503, 404, 503, "v2", "fallback_unknown_there"),
        (NOT_IN_COHORT, 0, 404, 503, "edge", "upstream_unreachable"),
        // Legacy fails on a user without a hash: the side that knows the user is away, and that counts.
        (NOT_IN_COHORT, 0, 500, 503, "edge", "upstream_unreachable"),
        (NOT_IN_COHORT, 503, 500, 503, "v2", "fallback_server_error"),
        (NOT_IN_COHORT, 500, 500, 500, "legacy", "not_in_cohort"),
    ] {
        let edge = half();
        edge.side("http://origin", v2);
        edge.side("http://legacy", legacy);
        let reply = edge.handle(LOGIN, body);
        assert_eq!(
            (reply.status, reply.route, reply.reason),
            (status, route, reason),
            "v2 {v2}, legacy {legacy}, {body}"
        );
    }
}

#[test]
fn a_registration_is_never_sent_twice() {
    for status in [0, 500, 503] {
        let edge = half();
        edge.side("http://origin", status);
        edge.handle("POST\nhttps://edge/auth/register", IN_COHORT);
        assert_eq!(edge.sent().len(), 1);
    }
}

#[test]
fn a_firebase_token_stays_with_v2_even_when_v2_is_down() {
    let edge = half();
    edge.side("http://origin", 0);
    let token = emulator_token(&edge, "person-1", "ann@example.com");
    let reply = edge.handle(
        &format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {token}"),
        "",
    );
    assert_eq!((reply.status, reply.code), (503, Some("UPSTREAM_UNAVAILABLE")));
    assert!(
        edge.sent()
            .iter()
            .all(|sent| sent.url.starts_with("http://origin"))
    );
}

#[test]
fn a_legacy_token_is_read_by_v2_when_legacy_is_down_but_writes_wait() {
    let edge = half();
    edge.side("http://legacy", 0);
    let token = legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
    let reply = edge.handle(
        &format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {token}"),
        "",
    );
    assert_eq!((reply.status, reply.route), (200, "v2"));
    let reply = edge.handle(
        &format!("PUT\nhttps://edge/auth/profile\nauthorization:Bearer {token}"),
        "{}",
    );
    assert_eq!(reply.status, 503);
}

/// The legacy service calls every token bad while it has no database.
#[test]
fn legacy_service_alone_signs_nobody_out() {
    const ID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    // (v2's status, or 0 = unreachable) → status of a read, of a write.
    for (v2, read, write) in [
        (200, 200, 503),
        (503, 503, 503),
        (0, 503, 503),
        (401, 401, 401),
        (403, 403, 403),
    ] {
        let edge = half();
        edge.side("http://legacy", 401);
        edge.side("http://origin", v2);
        if v2 > 0 {
            edge.answers("/v1/auth/me", v2, ME);
        }
        let token = legacy_token(&edge, ID);
        for (method, expected) in [("GET", read), ("PUT", write)] {
            let request = format!("{method}\nhttps://edge/auth/profile\nauthorization:Bearer {token}");
            let reply = edge.handle(&request, "{}");
            assert_eq!(reply.status, expected, "{method}, v2 {v2}");
        }
        let writes = edge.sent();
        let repeated = writes
            .iter()
            .filter(|sent| sent.url == "http://origin/auth/profile");
        // The edge does not forward a user that v2 refuses.
        let expected = usize::from(!matches!(v2, 401 | 403));
        assert_eq!(repeated.count(), expected, "only the read was repeated");
    }
    // A bad token, and a write for which a service proves itself, are refused without asking.
    let edge = half();
    edge.side("http://legacy", 401);
    let token = legacy_token(&edge, ID);
    let balance = format!("PUT\nhttps://edge/auth/token-balance\nauthorization:Bearer {token}");
    assert_eq!(edge.handle(&balance, "{}").status, 401);
    assert_eq!(edge.handle("GET\nhttps://edge/auth/profile", "").status, 401);
    assert!(
        edge.sent()
            .iter()
            .all(|sent| sent.url.starts_with("http://legacy"))
    );
}

#[test]
fn bad_verdict_is_checked_only_for_a_good_token() {
    const VERIFY: &str = "POST\nhttps://edge/auth/verify-token\ncontent-type:application/json";
    const DENIED: &str = r#"{"success":true,"data":{"valid":false,"error":"Authentication failed"}}"#;
    for (said, v2, status, route, reason) in [
        (DENIED, 200, 200, "v2", "fallback_denied_there"),
        (DENIED, 503, 503, "v2", "fallback_denied_there"),
        (
            r#"{"success":true,"data":{"valid":true}}"#,
            200,
            200,
            "legacy",
            "token_issuer",
        ),
        ("not JSON", 200, 200, "legacy", "token_issuer"),
    ] {
        let edge = half();
        edge.says(said);
        edge.side("http://origin", v2);
        let token = legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
        let reply = edge.handle(VERIFY, &format!(r#"{{"token":"{token}"}}"#));
        assert_eq!(
            (reply.status, reply.route, reply.reason),
            (status, route, reason),
            "{said}"
        );
        // The same token, a week and a minute later.
        edge.pass(605_000);
        let reply = edge.handle(VERIFY, &format!(r#"{{"token":"{token}"}}"#));
        assert_eq!((reply.status, reply.route), (200, "legacy"), "expired: {said}");
    }
}

#[test]
fn open_breaker_refuses_and_closes_by_itself() {
    let edge = half();
    edge.side("http://origin", 0);
    edge.handle_by(5, "GET\nhttps://edge/v1/auth/me", "");
    let reply = edge.handle("GET\nhttps://edge/v1/auth/me", "");
    assert_eq!(reply.reason, "breaker_open");
    assert_eq!(edge.sent().len(), 5);
    let reply = edge.handle(LOGIN, IN_COHORT);
    assert_eq!((reply.status, reply.reason), (200, "fallback_breaker_open"));
    edge.side("http://origin", 200);
    edge.pass(2);
    let reply = edge.handle("GET\nhttps://edge/v1/auth/me", "");
    assert_eq!((reply.status, reply.route), (200, "v2"));
}
