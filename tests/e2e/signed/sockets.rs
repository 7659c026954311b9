//! A page opens a WebSocket with its token as a subprotocol, and no service sees the token.

use serde_json::json;
use testkit::recorder::Recorder;
use testkit::wire::{self, Wire};

use crate::edges::{self, Edge};
use crate::users::new_token;

/// An origin of `CORS_ALLOWED_ORIGINS` in development.
const ORIGIN: &str = "http://localhost:5173";
/// RFC 6455 section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

async fn in_front_of(recorder: &Recorder) -> Edge {
    let url = &recorder.url;
    edges::edge()
        .with(
            "UPSTREAMS",
            &json!([
                { "prefix": "/api/live", "url": url, "auth": "required", "websocket": true },
                { "prefix": "/api/old", "url": url, "auth": "required", "websocket": true, "forward_token": true },
            ])
            .to_string(),
        )
        .start()
        .await
}

/// Opens a WebSocket with these header lines: the status and the head of the answer, in lower case.
async fn open(edge: &Edge, path: &str, lines: &[&str]) -> (u16, String) {
    let key = format!("sec-websocket-key: {KEY}");
    let mut all = vec![
        "upgrade: websocket",
        "connection: Upgrade",
        "sec-websocket-version: 13",
        &key,
    ];
    all.extend(lines);
    let mut wire = Wire::connect(&edge.direct).await.unwrap();
    wire.write(&wire::head("GET", path.as_bytes(), &all))
        .await
        .unwrap();
    let answer = wire.answer().await.unwrap();
    let lines: Vec<String> = answer
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    (answer.status, lines.join("\n"))
}

#[tokio::test]
async fn browser_opens_a_socket_with_its_token_as_a_protocol() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let token = new_token();
    let bearer = format!("crossfade.bearer.{token}");
    let protocols = |names: &str| format!("sec-websocket-protocol: {names}");

    let (status, head) = open(
        &edge,
        "/api/live/s",
        &[&protocols(&format!("crossfade.v1, {bearer}"))],
    )
    .await;
    assert_eq!(status, 101, "{head}");
    assert!(head.contains("sec-websocket-protocol: crossfade.v1"), "{head}");
    assert!(
        head.lines().any(|line| line.trim_end() == "x-offered-protocols:"),
        "{head}"
    );
    assert!(!head.contains(&token), "{head}");

    let (status, head) = open(
        &edge,
        "/api/old/s",
        &[&protocols(&format!("{bearer}, crossfade.v1, chat"))],
    )
    .await;
    assert_eq!(status, 101, "{head}");
    assert!(head.contains("sec-websocket-protocol: chat"), "{head}");
    assert!(head.contains("x-offered-protocols: chat"), "{head}");
    assert!(
        head.contains(&format!("x-received-authorization: Bearer {token}")),
        "{head}"
    );

    let cookie = "cookie: session=1";
    for (lines, status) in [
        (vec![protocols("crossfade.v1")], 401),
        (vec![protocols(&bearer)], 400),
        (vec![protocols("crossfade.v1, crossfade.bearer.broken")], 401),
        (
            vec![
                protocols(&format!("crossfade.v1, {bearer}")),
                cookie.to_owned(),
                "origin: https://evil.example".to_owned(),
            ],
            403,
        ),
        (
            vec![
                protocols(&format!("crossfade.v1, {bearer}")),
                cookie.to_owned(),
                format!("origin: {ORIGIN}"),
            ],
            101,
        ),
        (
            vec![
                protocols(&format!("crossfade.v1, {bearer}")),
                cookie.to_owned(),
                "origin: http://gw.example.com".to_owned(),
            ],
            101,
        ),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (found, head) = open(&edge, "/api/live/s", &lines).await;
        assert_eq!(found, status, "{lines:?}\n{head}");
    }
    let post = wire::exchange(
        &edge.direct,
        "POST",
        b"/api/live/s",
        &["upgrade: websocket", "connection: Upgrade"],
        b"",
    )
    .await
    .unwrap();
    // A request like any other, and without a token.
    assert_eq!(post.status, 401);
    edge.end().await;
}
