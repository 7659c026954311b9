//! App services behind `/api/*`.

use crate::support::{Edge, emulator_cookie, emulator_token, legacy_token};
use crate::{ME, half};

#[test]
fn app_services_get_the_caller_from_the_origin() {
    let edge = half();
    edge.answers("/v1/auth/me", 200, ME);
    let token = emulator_token(&edge, "person-1", "other@example.com");
    let request = format!("GET\nhttps://edge/api/archive/jobs?page=2\nauthorization:Bearer {token}");
    edge.handle(&request, "");
    let sent = edge.last_sent();
    assert_eq!(sent.url, "http://archive/api/archive/jobs?page=2");
    assert_eq!(
        sent.header("x-user-id"),
        Some("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
    );
    assert_eq!(sent.header("x-user-type"), Some("moderator"));
    assert_eq!(sent.header("x-user-email"), Some("ann@example.com"));
    assert_eq!(sent.header("x-auth-token-kind"), Some("firebase"));
    assert!(sent.removes("authorization"));
    assert!(sent.header("x-crossfade-assertion").is_some());
    // Asked once in 30 s.
    edge.handle(&request, "");
    assert_eq!(edge.asked("/v1/auth/me"), 1);
    edge.pass(30);
    edge.handle(&request, "");
    assert_eq!(edge.asked("/v1/auth/me"), 2);
}

#[test]
fn service_with_auth_none_gets_the_token_unread() {
    let edge = half();
    edge.handle("GET\nhttps://edge/api/open/x\nauthorization:Bearer nonsense", "");
    assert!(!edge.last_sent().removes("authorization"));
    let reply = edge.handle("GET\nhttps://edge/api/archive/x", "");
    assert_eq!(reply.code, Some("TOKEN_MISSING"));
    let reply = edge.handle("GET\nhttps://edge/api/nothing/x", "");
    assert_eq!(reply.code, Some("NOT_FOUND"));
}

#[test]
fn web_sockets_are_opened_to_services_that_say_so() {
    let edge = Edge::with(&[(
        "UPSTREAMS",
        r#"[{"prefix":"/api/chat","url":"http://chat","auth":"none","websocket":true},
            {"prefix":"/api/open","url":"http://open","auth":"none"}]"#,
    )]);
    for (path, taken) in [
        ("/api/chat/room", true),
        ("/api/open/x", false),
        ("/v1/auth/me", false),
        ("/auth/profile", false),
    ] {
        let reply = edge.handle(
            &format!("GET\nhttps://edge{path}\nconnection:Upgrade\nupgrade:WebSocket"),
            "",
        );
        let expected = if taken {
            (200, "app_service")
        } else {
            (400, "websocket_refused")
        };
        assert_eq!((reply.status, reply.reason), expected, "{path}");
    }
    assert_eq!(edge.sent().len(), 1);
}

#[test]
fn browser_is_known_by_its_session_cookie_where_one_is_named() {
    let edge = Edge::with(&[
        ("FIREBASE_SESSION_COOKIE_NAME", "__session"),
        ("CORS_ALLOWED_ORIGINS", "https://app.example.com"),
    ]);
    edge.answers("/v1/auth/me", 200, ME);
    let cookie = emulator_cookie(&edge, "person-1");
    let read = format!("GET\nhttps://edge/api/archive/x\nhost:edge\ncookie:a=1; __session={cookie}");
    assert_eq!(edge.handle(&read, "").status, 200);
    let sent = edge.last_sent();
    assert_eq!(sent.header("x-auth-token-kind"), Some("firebase_session_cookie"));
    assert_eq!(sent.header("cookie"), Some("a=1"), "the session stays here");

    let change =
        |more: &str| format!("POST\nhttps://edge/api/archive/x\nhost:edge\ncookie:__session={cookie}{more}");
    let refused = edge.handle(&change("\norigin:https://evil.test"), "");
    assert_eq!((refused.status, refused.reason), (403, "cross_site"));
    assert_eq!(edge.handle(&change(""), "").status, 403);
    assert_eq!(
        edge.handle(&change("\norigin:https://app.example.com"), "")
            .status,
        200
    );
    assert!(edge.last_sent().removes("cookie"));
    // Another site cannot make a page send this token.
    let token = emulator_token(&edge, "person-1", "ann@example.com");
    let by_header = change(&format!("\nauthorization:Bearer {token}"));
    assert_eq!(edge.handle(&by_header, "").status, 200);
    assert!(
        edge.last_sent().removes("cookie"),
        "the session cookie is removed with any credential"
    );
    let old = legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
    let at_legacy =
        format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {old}\ncookie:a=1; __session={cookie}");
    edge.handle(&at_legacy, "");
    let sent = edge.last_sent();
    assert_eq!(sent.url, "http://legacy/auth/profile");
    assert_eq!(
        sent.header("cookie"),
        Some("a=1"),
        "nor does the legacy service get it"
    );
}

#[test]
fn other_tokens_in_the_cookie_prove_no_user() {
    let edge = Edge::with(&[("FIREBASE_SESSION_COOKIE_NAME", "__session")]);
    for token in [
        emulator_token(&edge, "person-1", "ann@example.com"),
        legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
    ] {
        let request = format!("GET\nhttps://edge/api/archive/x\ncookie:__session={token}");
        let refused = edge.handle(&request, "");
        assert_eq!((refused.status, refused.reason), (401, "cookie_kind"));
    }
    // Where no cookie is named, the edge reads none and removes none.
    let edge = half();
    let request = format!(
        "GET\nhttps://edge/api/archive/x\ncookie:__session={}",
        emulator_cookie(&edge, "person-1")
    );
    assert_eq!(edge.handle(&request, "").code, Some("TOKEN_MISSING"));
    edge.handle("GET\nhttps://edge/api/open/x\ncookie:__session=a", "");
    assert_eq!(edge.last_sent().header("cookie"), None);
}
