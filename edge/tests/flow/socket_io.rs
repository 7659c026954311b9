//! The token in Socket.IO's CONNECT packets: the service gets one that the edge made for its verified sender, or nothing.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop; clippy does not see that helpers belong to one"
)]

use serde_json::json;

use crate::no_changes;
use crate::support::{Edge, claims, emulator_token, legacy_token};

const ID: &str = "11111111-1111-4111-8111-111111111111";
const POLL: &str = "http://edge/api/live/socket.io/?EIO=4&transport=polling";
const OPEN: &str = "GET\nhttp://edge/api/live/socket.io/?EIO=4&transport=websocket\nupgrade:websocket";

fn edge() -> Edge {
    let edge = Edge::with(&[(
        "UPSTREAMS",
        r#"[{"prefix":"/api/live","url":"http://live","auth":"required","websocket":true,"token":"legacy","token_in":"auth:token"},
            {"prefix":"/api/open","url":"http://open","auth":"optional","websocket":true,"token":"legacy","token_in":"auth:token"},
            {"prefix":"/api/old","url":"http://old","auth":"required","websocket":true,"token":"legacy"}]"#,
    )]);
    edge.answers("/v1/changes", 200, &no_changes("1"));
    edge.answers("/v1/changes?since=1", 200, &no_changes("1"));
    edge.answers(
        "/v1/auth/me",
        200,
        &json!({"data": {"user": {"id": ID, "user_type": "user", "email": "ann@example.com", "is_active": true}}})
            .to_string(),
    );
    edge
}

fn post(edge: &Edge, body: &str) -> (u16, &'static str, String) {
    let answered = edge.handle(&format!("POST\n{POLL}&sid=x"), body);
    let sent = String::from_utf8(
        edge.sent()
            .last()
            .map(|sent| sent.body.clone())
            .unwrap_or_default(),
    );
    (answered.status, answered.reason, sent.unwrap())
}

/// The token in a CONNECT packet.
fn token_of(packet: &str) -> String {
    let payload: serde_json::Value = serde_json::from_str(&packet[packet.find('{').unwrap()..]).unwrap();
    payload["token"].as_str().unwrap().to_owned()
}

#[test]
fn handshake_passes_without_a_token_at_the_socket_io_server_alone() {
    let edge = edge();
    for request in [
        format!("GET\n{POLL}"),
        format!("GET\n{POLL}&t=abc&sid=x"),
        format!("POST\n{POLL}&sid=x"),
        format!("GET\n{}", POLL.replace("socket.io/", "socket.io")),
        OPEN.to_owned(),
    ] {
        let answered = edge.handle(&request, "");
        assert_eq!((answered.status, answered.translated), (200, false), "{request}");
        assert_eq!(answered.replaces_tokens, request.contains("upgrade"), "{request}");
        assert!(edge.last_sent().header("x-user-id").is_none());
    }
    let sent = edge.sent().len();
    for path in [
        "jobs?EIO=4&transport=polling",
        "",
        "socket?EIO=4&transport=polling",
    ] {
        let answered = edge.handle(&format!("GET\nhttp://edge/api/live/{path}"), "");
        assert_eq!(
            (answered.status, answered.reason),
            (401, "token_missing"),
            "{path}"
        );
    }
    // The server reads packets of another kind there, or may take the path for that of its Socket.IO server.
    let token = legacy_token(&edge, ID);
    for path in [
        "socket.io/?EIO=3&transport=polling",
        "socket.io/?transport=polling",
        "socket.io/?EIO=4&EIO=3&transport=polling",
        "socket.io/?EIO=4&E%49O=3&transport=polling",
        "socket.io/?EIO=4&transport=polling&j=0",
        "socket.io/?EIO=4&transport=polling&%6a=0",
        "socket.io/?EIO=4&transport=polling&%zz=0",
        "socket.io/?EIO=4&transport=websocket",
        "socket.io/?EIO=4&transport=webtransport",
        "socket.io/x?EIO=4&transport=polling",
        "Socket.IO/?EIO=4&transport=polling",
        "socket.iox/?EIO=4&transport=polling",
        "/socket.io/?EIO=4&transport=polling",
    ] {
        for method in ["GET", "POST"] {
            let request = format!("{method}\nhttp://edge/api/live/{path}\nauthorization:Bearer {token}");
            let answered = edge.handle(&request, "40");
            assert_eq!(answered.status, 400, "{path} {}", answered.reason);
        }
    }
    let many = format!("GET\n{POLL}{}", "&x=1".repeat(40));
    assert_eq!(edge.handle(&many, "").reason, "socket_io_request");
    assert!(edge.sent()[sent..].iter().all(|sent| !sent.url.contains("live")));
}

#[test]
fn tokens_in_a_body_are_verified_and_replaced() {
    let edge = edge();
    for token in [
        emulator_token(&edge, "uid-1", "ann@example.com"),
        legacy_token(&edge, ID),
    ] {
        let body = format!(
            "40{{\"token\":\"{token}\"}}\u{1e}40/admin,{{\"token\":\"{token}\",\"x\":1}}\u{1e}42[\"é\"]"
        );
        let (status, _, sent) = post(&edge, &body);
        assert_eq!(status, 200);
        let packets: Vec<&str> = sent.split('\u{1e}').collect();
        for packet in &packets[..2] {
            let claims = claims(&token_of(packet));
            assert_eq!(
                (&claims["id"], &claims["crossfade"]),
                (&json!(ID), &json!("translated"))
            );
        }
        assert!(packets[1].starts_with("40/admin,") && packets[2] == "42[\"é\"]");
        let length = edge.last_sent().header("content-length").unwrap().to_owned();
        assert_eq!(length, sent.len().to_string());
        assert!(!edge.last_sent().holds(&token));
    }
    // Others pass as they came.
    for body in ["42[\"x\",{\"token\":\"a.b.c\"}]", "3", "41", "1", "bAAEC", ""] {
        assert_eq!(post(&edge, body), (200, "app_service", body.to_owned()));
        assert!(edge.last_sent().header("content-length").is_none());
    }
}

#[test]
fn refused_packet_reaches_no_service() {
    let edge = edge();
    let token = emulator_token(&edge, "uid-1", "ann@example.com");
    let good = format!("40{{\"token\":\"{token}\"}}");
    let minted = {
        post(&edge, &good);
        token_of(&String::from_utf8(edge.last_sent().body).unwrap())
    };
    let before = edge.sent().len();
    let many = ["40/a,{}"; 9].join("\u{1e}");
    for (packet, status, reason) in [
        ("40", 401, "token_missing"),
        ("40{\"token\":null}", 401, "token_missing"),
        ("40{\"token\":7}", 401, "token_malformed"),
        ("40{\"token\":\"not.a.token\"}", 401, "token_malformed"),
        ("40{", 400, "socket_io_packet"),
        ("4 {\"token\":\"a.b.c\"}", 400, "socket_io_packet"),
        (&format!("40{{\"token\":\"{minted}\"}}"), 401, "translated"),
        (
            &format!("40{{\"token\":\"{}\"}}", "x".repeat(17_000)),
            400,
            "socket_io_packet",
        ),
    ] {
        let (found, because, _) = post(&edge, packet);
        assert_eq!(found, status, "{packet} {because}");
        if reason != "token_malformed" {
            assert_eq!(because, reason, "{packet}");
        }
        // One among others takes them with it.
        assert_eq!(
            post(&edge, &format!("42[\"x\"]\u{1e}{packet}")).0,
            status,
            "{packet}"
        );
        let refused = edge.message(OPEN, packet).packet.unwrap_err();
        assert_eq!(refused.status, status, "{packet}");
        assert!(
            refused.answer.unwrap().starts_with("44{\"data\":{\"code\":"),
            "{packet}"
        );
    }
    assert_eq!(post(&edge, &many).0, 401);
    let many = [good.as_str(); 9].join("\u{1e}");
    assert_eq!(post(&edge, &many).1, "socket_io_packet");
    assert_eq!(post(&edge, &"4".repeat(65 * 1024)).0, 413);
    assert!(
        edge.sent()[before..]
            .iter()
            .all(|sent| !sent.url.contains("live"))
    );
}

#[test]
fn revoked_user_joins_no_namespace() {
    for (origin, status, gives_up) in [(401, 401, true), (403, 403, true), (500, 503, false)] {
        let edge = edge();
        let token = legacy_token(&edge, ID);
        edge.answers("/v1/auth/me", origin, "{}");
        let packet = format!("40/admin,{{\"token\":\"{token}\"}}");
        assert_eq!(post(&edge, &packet).0, status);
        let refused = edge.message(OPEN, &packet).packet.unwrap_err();
        assert_eq!((refused.status, refused.answer.is_some()), (status, gives_up));
        assert!(
            refused
                .answer
                .is_none_or(|answer| answer.starts_with("44/admin,{"))
        );
        assert_eq!(edge.asked("live"), 0);
    }
}

#[test]
fn message_of_a_socket_is_replaced() {
    let edge = edge();
    let token = emulator_token(&edge, "uid-1", "ann@example.com");
    let replaced = edge.message(OPEN, &format!("40/admin,{{\"token\":\"{token}\"}}"));
    assert!(replaced.notes.translated);
    let packet = replaced.packet.unwrap();
    assert!(
        packet.starts_with("40/admin,") && claims(&token_of(&packet))["id"] == ID,
        "{packet}"
    );
    // The variables have changed: the service takes the token from elsewhere, or there is none.
    for path in ["old", "none"] {
        let elsewhere = edge.message(&OPEN.replace("live", path), "40");
        assert_eq!(elsewhere.packet.unwrap_err().status, 503);
    }
}

#[test]
fn token_may_be_missing_where_it_is_optional_or_in_the_header() {
    let edge = edge();
    let open = edge.handle(
        &format!("POST\n{}", POLL.replace("live", "open")),
        "40/a,{\"x\":1}",
    );
    assert_eq!(
        (open.status, edge.last_sent().body),
        (200, b"40/a,{\"x\":1}".to_vec())
    );
    assert!(edge.message(&OPEN.replace("live", "open"), "40").packet.is_ok());
    let token = legacy_token(&edge, ID);
    let in_header = edge.handle(&format!("POST\n{POLL}\nauthorization:Bearer {token}"), "40");
    assert_eq!((in_header.status, in_header.translated), (200, true));
    assert_eq!(claims(&edge.last_sent().bearer())["id"], ID);
}
