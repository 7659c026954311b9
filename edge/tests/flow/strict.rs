//! Strict routes: no request passes without the origin's answer of this moment.

use shared::problem::ErrorCode;

use crate::no_changes;
use crate::support::{Edge, emulator_token, legacy_token};

const ME: &str = r#"{"data":{"user":{"id":"11111111-1111-4111-8111-111111111111","user_type":"user","email":"ann@example.com"}}}"#;

/// A service with a strict part, and one that is strict as a whole and accepts callers without a token.
fn edge() -> Edge {
    let edge = Edge::with(&[(
        "UPSTREAMS",
        r#"[{"prefix":"/api/shop","url":"http://shop","auth":"required","strict":["/api/shop/payments"]},
            {"prefix":"/api/bank","url":"http://bank","auth":"optional","strict":true}]"#,
    )]);
    edge.answers("/v1/changes", 200, &no_changes("77.1.1"));
    edge.answers("/v1/changes?since=77.1.1", 200, &no_changes("77.1.1"));
    edge.answers("/v1/auth/me", 200, ME);
    edge
}

fn get(edge: &Edge, token: &str, path: &str) -> (u16, Option<&'static str>) {
    let request = format!("GET\nhttp://edge{path}\nauthorization:Bearer {token}");
    let answered = edge.handle(&request, "");
    (answered.status, answered.code)
}

#[test]
fn origin_is_asked_each_time_on_strict_routes_only() {
    let edge = edge();
    let token = emulator_token(&edge, "uid-1", "ann@example.com");
    for (path, asked) in [
        ("/api/shop/cart", 1),
        ("/api/shop/cart", 1),
        ("/api/shop/payments", 2),
        ("/api/shop/payments/7?x=1", 3),
        ("/api/shop/%70ayments", 4),
        ("/api/bank/anything", 5),
        ("/api/shop/cart", 5),
    ] {
        assert_eq!(get(&edge, &token, path), (200, None), "{path}");
        assert_eq!(edge.asked("/v1/auth/me"), asked, "{path}");
    }
    // Strict routes need the present state; others may get what a replica of the database knows.
    let sent = edge.sent();
    let at_once = sent.iter().filter(|sent| {
        sent.header("cache-control")
            .is_some_and(|value| value == "no-cache")
    });
    assert_eq!(at_once.count(), 4);
    // A caller without a token has no account status.
    let stranger = edge.handle("GET\nhttp://edge/api/bank/anything", "");
    assert_eq!((stranger.status, edge.asked("/v1/auth/me")), (200, 5));
    assert!(edge.last_sent().header("x-user-id").is_none());
}

#[test]
fn deactivated_user_is_refused_at_once_and_then_everywhere() {
    for (status, code) in [
        (403, ErrorCode::UserDisabled),
        (401, ErrorCode::TokenRevoked),
        (404, ErrorCode::UserNotFound),
    ] {
        let edge = edge();
        let token = legacy_token(&edge, "11111111-1111-4111-8111-111111111111");
        assert_eq!(get(&edge, &token, "/api/shop/payments").0, 200);
        edge.pass(1);
        edge.answers("/v1/auth/me", status, "{}");
        let sent = edge.asked("/api/shop/cart");
        assert_eq!(
            get(&edge, &token, "/api/shop/cart").0,
            200,
            "known from a second ago"
        );
        assert_eq!(edge.asked("/api/shop/cart"), sent + 1);
        let payments = edge.asked("/api/shop/payments");
        assert_eq!(
            get(&edge, &token, "/api/shop/payments"),
            (status, Some(code.as_str()))
        );
        assert_eq!(
            edge.asked("/api/shop/payments"),
            payments,
            "nothing reached the service"
        );
        assert_eq!(
            get(&edge, &token, "/api/shop/cart"),
            (status, Some(code.as_str()))
        );
    }
}

#[test]
fn no_request_passes_without_the_origins_answer() {
    let outages: [&dyn Fn(&Edge); 4] = [
        &|edge| edge.silence("/v1/auth/me"),
        &|edge| edge.answers("/v1/auth/me", 503, "{}"),
        &|edge| edge.answers("/v1/auth/me", 500, "<html>"),
        &|edge| edge.answers("/v1/auth/me", 200, "not json"),
    ];
    for outage in outages {
        let edge = edge();
        let token = emulator_token(&edge, "uid-1", "ann@example.com");
        assert_eq!(get(&edge, &token, "/api/shop/payments").0, 200);
        outage(&edge);
        for _ in 0..20 {
            let refused = edge.handle(
                &format!("GET\nhttp://edge/api/shop/payments\nauthorization:Bearer {token}"),
                "",
            );
            assert_eq!(
                (refused.status, refused.code),
                (503, Some("UPSTREAM_UNAVAILABLE"))
            );
            assert!(refused.headers.as_text().contains("x-auth-route:edge"));
        }
        assert_eq!(edge.asked("/api/shop/payments"), 1, "one from before");
        assert_eq!(get(&edge, &token, "/api/shop/cart").0, 200, "known from before");
    }
}
