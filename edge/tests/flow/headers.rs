//! Headers: those that only the edge may set, credentials, and the name of a request.

use crate::support::{self, Sent, emulator_token, legacy_token};
use crate::{IN_COHORT, ME, half};

#[test]
fn forged_identities_are_removed_on_every_path() {
    let forged = "x_user_id:1\nx-user-type:admin\nx-auth-token-kind:legacy\nx-internal-service:true\n\
                  x_crossfade_assertion:a.b.c\nx-service-key:guess\nforwarded:for=1\nx-real-ip:1\nx-forwarded-for:1";
    for path in [
        "/v1/auth/login",
        "/auth/login",
        "/auth/schools",
        "/api/archive/x",
        "/api/open/x",
    ] {
        let edge = half();
        let token = emulator_token(&edge, "person-1", "ann@example.com");
        edge.answers("/v1/auth/me", 200, ME);
        edge.handle(
            &format!("GET\nhttps://edge{path}\n{forged}\nauthorization:Bearer {token}"),
            "",
        );
        let sent = edge.last_sent();
        for name in [
            "x_user_id",
            "x-internal-service",
            "x_crossfade_assertion",
            "x-service-key",
            "forwarded",
            "x-real-ip",
            "x-forwarded-for",
        ] {
            assert!(sent.removes(name), "{path} {name}");
        }
        let own = sent.header("x-user-type");
        assert!(own.is_none() || own == Some("moderator"), "{path}: {own:?}");
    }
}

#[test]
fn the_origin_gets_the_assertion_and_the_legacy_service_the_token() {
    let edge = half();
    let firebase = emulator_token(&edge, "person-1", "ann@example.com");
    let reply = edge.handle(
        &format!("GET\nhttps://edge/api/auth/profile\nauthorization:Bearer {firebase}"),
        "",
    );
    assert_eq!((reply.route, reply.reason), ("v2", "token_issuer"));
    let sent = edge.last_sent();
    assert_eq!(sent.url, "http://origin/auth/profile");
    assert!(sent.removes("authorization"));
    assert!(sent.header("x-crossfade-assertion").is_some());

    let legacy = legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
    let reply = edge.handle(
        &format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {legacy}"),
        "",
    );
    assert_eq!((reply.route, reply.reason), ("legacy", "token_issuer"));
    let sent = edge.last_sent();
    assert_eq!(sent.url, "http://legacy/auth/profile");
    assert!(!sent.removes("authorization"));
    assert!(sent.header("x-crossfade-assertion").is_none());
}

#[test]
fn stale_token_does_not_stop_a_sign_in() {
    let edge = half();
    for path in [
        "/v1/auth/login",
        "/v1/auth/refresh",
        "/auth/login",
        "/auth/register",
    ] {
        let reply = edge.handle(
            &format!("POST\nhttps://edge{path}\nauthorization:Bearer expired.or.broken"),
            IN_COHORT,
        );
        assert_eq!(reply.status, 200, "{path}");
        assert!(edge.last_sent().removes("authorization"), "{path}");
    }
    let reply = edge.handle("GET\nhttps://edge/v1/auth/me\nauthorization:Bearer broken", "");
    assert_eq!((reply.status, reply.route), (401, "edge"));
}

#[test]
fn only_a_known_service_key_is_forwarded() {
    let edge = half();
    let put = |key: &str| {
        format!("PUT\nhttps://edge/auth/token-balance\nx-service-key:{key}\nx-internal-service:true")
    };
    edge.handle(&put(support::SERVICE_KEY), "{}");
    let sent = edge.last_sent();
    assert_eq!(sent.header("x-service-key"), Some(support::SERVICE_KEY));
    assert_eq!(sent.header("x-internal-service"), Some("true"));
    edge.handle(&put("0123456789abcdef0123456789abcdeX"), "{}");
    let sent = edge.last_sent();
    assert!(sent.removes("x-service-key"));
    assert!(sent.removes("x-internal-service"));
}

#[test]
fn every_request_is_named_and_traced() {
    let edge = half();
    edge.handle(
        "GET\nhttps://edge/v1/auth/me\nx-request-id:mine-1\n\
         traceparent:00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "",
    );
    let sent: Sent = edge.last_sent();
    assert_eq!(sent.header("x-request-id"), Some("mine-1"));
    let traceparent = sent.header("traceparent").unwrap();
    assert!(traceparent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    assert!(!traceparent.contains("00f067aa0ba902b7"));
}
