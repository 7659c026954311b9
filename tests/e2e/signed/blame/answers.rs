//! Services that break the protocol: the edge turns every such answer into one of its own, and serves the next request.

use std::time::Duration;

use testkit::rude::{Act, Asked, RudeService};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::{between, by, exchange, refused};
use crate::answer::Answer;
use crate::edges::Edge;

const OK: &str = r#"{"success":true,"data":{}}"#;

/// Answers `/…/NAME` as NAME says, everything else well.
fn script(asked: &Asked) -> Vec<Act> {
    let written = |text: &str| vec![Act::ReadBody, Act::write(text)];
    let name = asked.target.rsplit('/').next().unwrap_or_default();
    let good = Act::answer(200, OK);
    if let Some(status) = name
        .strip_prefix("status-")
        .and_then(|status| status.parse().ok())
    {
        return vec![Act::ReadBody, Act::answer(status, "no")];
    }
    match name {
        "early-hints" => vec![
            Act::ReadBody,
            Act::write("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
            good,
        ],
        "continue" => vec![Act::ReadBody, Act::write("HTTP/1.1 100 Continue\r\n\r\n"), good],
        "switches" => written("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        "204-with-body" => written("HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello"),
        "205-with-body" => written("HTTP/1.1 205 Reset Content\r\ncontent-length: 5\r\n\r\nhello"),
        "304-with-body" => written("HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nhello"),
        "garbage" => written("nonsense\r\n\r\n"),
        "half-a-head" => vec![Act::ReadBody, Act::write("HTTP/1.1 200 OK\r\nconte"), Act::End],
        "hangs-up" => vec![Act::ReadBody, Act::End],
        "resets" => vec![Act::ReadBody, Act::Reset],
        "then-stale" => vec![Act::ReadBody, good, Act::ResetAtNext],
        _ => vec![Act::ReadBody, good],
    }
}

async fn get(edge: &Edge, path: &str) -> Answer {
    exchange(edge, &by("203.0.113.9", "GET", path, &[])).await
}

#[tokio::test]
async fn invalid_answer_becomes_an_envelope_and_the_next_is_served() {
    let rude = RudeService::start(script).await.unwrap();
    let edge = between(&rude.url, &rude.url).start().await;
    for prefix in ["/api/open", "/v1", "/auth"] {
        for (name, status, code) in [
            ("early-hints", 502, "UPSTREAM_INVALID"),
            ("continue", 502, "UPSTREAM_INVALID"),
            ("switches", 502, "UPSTREAM_INVALID"),
            ("status-199", 502, "UPSTREAM_INVALID"),
            ("status-600", 502, "UPSTREAM_INVALID"),
            ("status-999", 502, "UPSTREAM_INVALID"),
            ("garbage", 503, "UPSTREAM_UNAVAILABLE"),
            ("half-a-head", 503, "UPSTREAM_UNAVAILABLE"),
            ("hangs-up", 503, "UPSTREAM_UNAVAILABLE"),
            ("resets", 503, "UPSTREAM_UNAVAILABLE"),
            ("status-521", 503, "UPSTREAM_UNAVAILABLE"),
            ("status-524", 504, "UPSTREAM_TIMEOUT"),
        ] {
            let path = format!("{prefix}/{name}");
            refused(get(&edge, &path).await, status, code);
            get(&edge, &format!("{prefix}/well")).await.expect(200);
        }
        for (name, status) in [
            ("204-with-body", 204),
            ("304-with-body", 304),
            ("205-with-body", 205),
        ] {
            get(&edge, &format!("{prefix}/{name}"))
                .await
                .expect(status)
                .marked();
            // The five bytes are still on the connection, before the next answer.
            get(&edge, &format!("{prefix}/well")).await.expect(200).marked();
        }
    }
    edge.end().await;
}

#[tokio::test]
async fn stale_connection_is_retried_once_where_safe() {
    let rude = RudeService::start(script).await.unwrap();
    let edge = between(&rude.url, &rude.url).start().await;
    let asked = |what: &str| rude.asked().iter().filter(|asked| *asked == what).count();
    for round in 1..=5 {
        get(&edge, "/api/open/then-stale").await.expect(200);
        get(&edge, "/api/open/well").await.expect(200);
        get(&edge, "/api/open/then-stale").await.expect(200);
        let body = r#"{"email":"ann@example.com","password":"x"}"#;
        let length = format!("content-length: {}", body.len());
        let sign_in = by(
            "203.0.113.9",
            "POST",
            "/auth/login",
            &["content-type: application/json", &length],
        );
        exchange(&edge, &[sign_in, body.into()].concat())
            .await
            .expect(200)
            .came_from("legacy", "not_in_cohort");
        // The edge does not send twice what may arrive twice: the request either arrived or ends as an outage.
        get(&edge, "/api/open/then-stale").await.expect(200);
        let order = by("203.0.113.9", "POST", "/api/open/order", &["content-length: 2"]);
        let answer = exchange(&edge, &[order, b"{}".to_vec()].concat()).await;
        assert!(matches!(answer.status, 200 | 503), "{answer}");
        assert!(asked("POST /api/open/order") <= round, "{:?}", rude.asked());
    }
    edge.end().await;
}

#[tokio::test]
async fn no_caller_waits_longer_than_the_limit() {
    let rude = RudeService::start(|asked| {
        let slow = Act::Pause(Duration::from_secs(20));
        match asked.target.as_str() {
            "/api/open/x" => vec![slow],
            // A verdict with a body that never ends.
            "/auth/verify-token" => vec![
                Act::ReadBody,
                Act::write(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{",
                ),
                slow,
            ],
            _ => vec![Act::ReadBody, Act::answer(200, OK)],
        }
    })
    .await
    .unwrap();
    let edge = between(&rude.url, &rude.url).start().await;
    refused(get(&edge, "/api/open/x").await, 504, "UPSTREAM_TIMEOUT");
    let body = serde_json::json!({ "token": crate::users::legacy_draft().mint() }).to_string();
    let length = format!("content-length: {}", body.len());
    let verify = by(
        "203.0.113.9",
        "POST",
        "/auth/verify-token",
        &["content-type: application/json", &length],
    );
    let mut wire = testkit::wire::Wire::connect(&edge.direct).await.unwrap();
    wire.write(&[verify, body.into_bytes()].concat()).await.unwrap();
    let mut stream = wire.into_stream();
    let mut head = Vec::new();
    let reading = async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
    };
    timeout(Duration::from_secs(5), reading)
        .await
        .expect("a head in time");
    let head = String::from_utf8_lossy(&head);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    edge.end().await;
}

#[tokio::test]
async fn upgrade_without_a_handshake_is_plain_http() {
    let rude = RudeService::start(script).await.unwrap();
    let edge = between(&rude.url, &rude.url).start().await;
    for path in ["/api/open/x", "/v1/auth/login", "/auth/login"] {
        let lines = [
            "upgrade: websocket",
            "connection: upgrade",
            "content-type: application/json",
            "content-length: 2",
        ];
        let request = by("203.0.113.9", "POST", path, &lines);
        exchange(&edge, &[request, b"{}".to_vec()].concat())
            .await
            .expect(200)
            .marked();
    }
    edge.end().await;
}
