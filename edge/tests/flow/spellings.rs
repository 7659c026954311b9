//! Names and paths in every spelling, and which services get the service key.

use crate::support::{self, Edge, emulator_token};
use crate::{ME, half};

/// Names that servers fold into names which only the edge, or the network before it, may use.
const ALIASES: [&str; 24] = [
    "x.user.id",
    "x_user_email",
    "x--user--type",
    "xuserid",
    "x_forwarded_for",
    "x.forwarded.for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x_real_ip",
    "true-client-ip",
    "x-client-ip",
    "client_ip",
    "cf-connecting-ip",
    "cf_connecting_ip",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x_method_override",
    "x_request_id",
    "x.service.key",
    "x_crossfade_assertion",
    "cloudflare-workers-version-overrides",
    "cloudflare-workers-version-key",
];

#[test]
fn alias_of_a_reserved_name_is_removed_on_every_path() {
    let forged: Vec<String> = ALIASES.iter().map(|name| format!("{name}:1")).collect();
    for path in [
        "/v1/auth/login",
        "/auth/login",
        "/auth/schools",
        "/api/archive/x",
        "/api/open/x",
    ] {
        let edge = half();
        edge.answers("/v1/auth/me", 200, ME);
        let token = emulator_token(&edge, "person-1", "ann@example.com");
        edge.handle(
            &format!(
                "GET\nhttps://edge{path}\n{}\nauthorization:Bearer {token}",
                forged.join("\n")
            ),
            "",
        );
        let sent = edge.last_sent();
        for name in ALIASES {
            assert!(sent.removes(name), "{path} {name}");
        }
    }
}

#[test]
fn service_key_goes_to_the_origin_and_to_two_legacy_calls_alone() {
    let edge = Edge::with(&[("ROLLOUT_PERCENT", "0")]);
    let ours = format!("x-service-key:{}", support::SERVICE_KEY);
    for (request, gets_it) in [
        ("GET\nhttps://edge/v1/users/1", true),
        ("PUT\nhttps://edge/auth/token-balance", true),
        ("POST\nhttps://edge/auth/register/batch", true),
        ("GET\nhttps://edge/auth/profile", false),
        ("POST\nhttps://edge/auth/login", false),
        ("GET\nhttps://edge/api/open/x", false),
    ] {
        edge.handle(&format!("{request}\n{ours}"), "{}");
        let sent = edge.last_sent();
        let expected = gets_it.then_some(support::SERVICE_KEY);
        assert_eq!(sent.header("x-service-key"), expected, "{request}");
        let at_legacy = sent.url.starts_with("http://legacy");
        let internal = (gets_it && at_legacy).then_some("true");
        assert_eq!(sent.header("x-internal-service"), internal, "{request}");
    }
}

#[test]
fn client_address_counts_only_as_one_address() {
    let edge = half();
    for (said, forwarded) in [
        ("192.0.2.1", Some("192.0.2.1")),
        ("9.9.9.9, 8.8.8.8", None),
        ("somewhere", None),
        ("", None),
    ] {
        edge.handle(
            &format!("GET\nhttps://edge/api/open/x\ncf-connecting-ip:{said}"),
            "",
        );
        let sent = edge.last_sent();
        assert_eq!(sent.header("x-forwarded-for"), forwarded, "{said}");
        assert_eq!(sent.header("x-forwarded-proto"), Some("https"));
    }
}

#[test]
fn restarted_trace_drops_vendors_entries() {
    let edge = half();
    let state = "tracestate:vendor=1";
    let good = "traceparent:00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (lines, dropped) in [
        (state.to_owned(), true),
        (format!("{state}\ntraceparent:00-1-2-3"), true),
        (
            format!("{state}\n{good}, {}", good.trim_start_matches("traceparent:")),
            true,
        ),
        (format!("{state}\n{good}"), false),
    ] {
        edge.handle(&format!("GET\nhttps://edge/api/open/x\n{lines}"), "");
        assert_eq!(edge.last_sent().removes("tracestate"), dropped, "{lines}");
    }
}

#[test]
fn target_without_one_spelling_is_refused_before_anything_is_sent() {
    for target in [
        "/auth/login#x",
        "/auth\\login",
        "/auth/register/..%2fregister/batch",
        "/api/open/..;/x",
        "/api/open/%zz",
        "/api/open/%252e%252e/x",
        "/v1/auth/me?\u{fffd}",
    ] {
        let edge = half();
        let reply = edge.handle(&format!("POST\nhttps://edge{target}\naccept:*/*"), "{}");
        assert_eq!((reply.status, reply.reason), (400, "request_target"), "{target}");
        assert!(edge.sent().is_empty(), "{target}");
    }
}

#[test]
fn other_spellings_are_judged_and_sent_as_one() {
    let edge = Edge::with(&[(
        "UPSTREAMS",
        r#"[{"prefix":"/api/keep","url":"http://keep/inner","auth":"none","strip_prefix":true}]"#,
    )]);
    for (target, sent) in [
        ("/api/keep/a/%2e%2e/%62", Some("http://keep/inner/b")),
        ("/api/x/%2e%2e/keep/\u{e9}?\u{e9}#", None),
        (
            "/api/x/%2e%2e/keep/\u{e9}?\u{e9}",
            Some("http://keep/inner/%C3%A9?%C3%A9"),
        ),
        ("/api/keep/%2e%2e/%2e%2e/metrics", None),
        ("/api/keep/%2e%2e/metrics", None),
        ("/api/keep//evil.example/x", None),
        ("/v1/auth/%6cogin", Some("http://origin/v1/auth/login")),
        ("/auth/register/%2e/batch", None),
    ] {
        let before = edge.sent().len();
        let reply = edge.handle(&format!("POST\nhttps://edge{target}"), "{}");
        let found = edge.sent().get(before).map(|sent| sent.url.clone());
        assert_eq!(found.as_deref(), sent, "{target}");
        assert_eq!(reply.status == 200, sent.is_some(), "{target}");
    }
}

#[test]
fn private_answer_is_no_store_unless_its_service_says_otherwise() {
    let edge = half();
    edge.answers("/v1/auth/me", 200, ME);
    let token = emulator_token(&edge, "person-1", "ann@example.com");
    let bearer = format!("\nauthorization:Bearer {token}");
    for (path, line, private) in [
        ("/api/archive/x", bearer.as_str(), true),
        ("/api/open/x", bearer.as_str(), true),
        ("/api/open/x", "", false),
        ("/v1/auth/login", "", true),
        ("/auth/login", "", true),
    ] {
        let reply = edge.handle(&format!("GET\nhttps://edge{path}{line}"), "{}");
        let said = reply.headers.as_text().contains("?cache-control:no-store");
        assert_eq!(said, private, "{path}");
    }
}

#[test]
fn socket_brings_its_token_as_a_protocol() {
    let edge = Edge::with(&[
        (
            "UPSTREAMS",
            r#"[{"prefix":"/api/chat","url":"http://chat","auth":"required","websocket":true},
                {"prefix":"/api/old","url":"http://old","auth":"required","websocket":true,"forward_token":true},
                {"prefix":"/api/raw","url":"http://raw","auth":"none","websocket":true}]"#,
        ),
        ("CORS_ALLOWED_ORIGINS", "https://app.example.com"),
    ]);
    edge.answers("/v1/auth/me", 200, ME);
    let token = emulator_token(&edge, "person-1", "ann@example.com");
    let open = |path: &str, lines: &str| {
        let request = format!("GET\nhttps://edge{path}\nconnection:Upgrade\nupgrade:websocket{lines}");
        let reply = edge.handle(&request, "");
        (reply.status, reply.reason, reply.headers.as_text().to_owned())
    };
    let offer = format!("\nsec-websocket-protocol:crossfade.v1, crossfade.bearer.{token}");

    let (status, reason, headers) = open("/api/chat/room", &offer);
    assert_eq!((status, reason), (200, "app_service"));
    assert!(
        headers.contains("?sec-websocket-protocol:crossfade.v1"),
        "{headers}"
    );
    let sent = edge.last_sent();
    assert!(sent.removes("sec-websocket-protocol"));
    assert_eq!(sent.header("x-user-type"), Some("moderator"));
    assert_eq!(sent.header("authorization"), None);

    open("/api/old/room", &format!("{offer}, chat"));
    let sent = edge.last_sent();
    assert_eq!(sent.header("sec-websocket-protocol"), Some("chat"));
    assert_eq!(
        sent.header("authorization"),
        Some(format!("Bearer {token}").as_str())
    );

    // A service with `auth: none` gets the whole offer.
    open("/api/raw/room", &offer);
    assert_eq!(edge.last_sent().header("sec-websocket-protocol"), None);
    assert!(!edge.last_sent().removes("sec-websocket-protocol"));

    for (lines, expected) in [
        (String::new(), (401, "token_missing")),
        ("\nsec-websocket-protocol:chat".to_owned(), (401, "token_missing")),
        (
            format!("\nsec-websocket-protocol:crossfade.bearer.{token}"),
            (400, "websocket_refused"),
        ),
        (
            format!("{offer}\nauthorization:Bearer {token}"),
            (401, "websocket_tokens"),
        ),
        (
            format!("{offer}\ncookie:a=b\norigin:https://evil.test"),
            (403, "websocket_origin"),
        ),
        (
            format!("{offer}\ncookie:a=b\norigin:https://app.example.com"),
            (200, "app_service"),
        ),
        (
            format!("{offer}\ncookie:a=b\norigin:https://edge"),
            (200, "app_service"),
        ),
        (format!("{offer}\norigin:https://evil.test"), (200, "app_service")),
    ] {
        let (status, reason, _) = open("/api/chat/room", &lines);
        assert_eq!((status, reason), expected, "{lines}");
    }
    // With another method it is an ordinary request, without a token.
    let post = "POST\nhttps://edge/api/chat/room\nupgrade:websocket";
    assert_ne!(edge.handle(post, "").reason, "websocket_refused");
}
