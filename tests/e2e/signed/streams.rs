//! Bodies and connections that the edge does not look into pass through it unchanged.

use std::time::Duration;

use serde_json::json;
use testkit::recorder::socket::{accept_key, client_frame, read_text};
use testkit::recorder::{Received, Recorder, sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::edges::{self, Edge};
use crate::users::new_token;

/// The longest sign-in body that the edge looks into, in bytes.
const PEEKED: usize = 16 * 1024;

/// A sign-in of `length` bytes in all, by a user on the list `ROLLOUT_FORCE_V2`.
fn sign_in(length: usize) -> Vec<u8> {
    let start = r#"{"email":"ann@v2.example","password":"correct horse 1","padding":""#;
    let end = "\"}";
    let padding = "0123456789".repeat(length / 10 + 1);
    let padding = &padding[..length - start.len() - end.len()];
    format!("{start}{padding}{end}").into_bytes()
}

async fn arrives(edge: &Edge, path: &str, body: &[u8]) -> (Received, String) {
    let answer = edge
        .api
        .call("POST", path)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .expect(200);
    let side = answer.header("x-auth-route").unwrap_or_default().to_owned();
    let received: Received = serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("{answer}"));
    assert_eq!(
        received.body_bytes,
        body.len(),
        "the length that arrived\n{answer}"
    );
    assert_eq!(
        received.body_sha256,
        sha256(body),
        "another body arrived\n{answer}"
    );
    (received, side)
}

#[tokio::test]
async fn a_sign_in_arrives_byte_by_byte_whatever_its_length() {
    let recorder = Recorder::start().await.unwrap();
    let edge = edges::edge()
        .with("LEGACY_AUTH_URL", &recorder.url)
        .with("ORIGIN_URL", &recorder.url)
        .with("ROLLOUT_PERCENT", "0")
        .with("ROLLOUT_FORCE_V2", "@v2.example")
        .start()
        .await;
    for (length, side) in [
        (100, "v2"),
        (PEEKED, "v2"),
        // Too long for the edge to read: nothing identifies the user, so legacy answers.
        (PEEKED + 1, "legacy"),
        (300 * 1024, "legacy"),
    ] {
        let body = sign_in(length);
        let (_, routed) = arrives(&edge, "/auth/login", &body).await;
        assert_eq!(routed, side, "{length} bytes");
    }
    edge.end().await;
}

#[tokio::test]
async fn an_upload_of_megabytes_passes_through() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let body: Vec<u8> = (0_u32..5 * 1024 * 1024).map(|at| (at % 251) as u8).collect();
    let (received, _) = arrives(&edge, "/api/open/upload", &body).await;
    assert_eq!(received.target, "/api/open/upload");
    edge.end().await;
}

#[tokio::test]
async fn a_web_socket_is_connected_through_to_a_service_that_takes_them() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let token = new_token();
    let mut stream = upgrade(&edge, "/api/live/socket", Some(&token))
        .await
        .expect("101");
    for text in ["Hello", "and again"] {
        let echoed = async {
            stream.write_all(&client_frame(text)).await?;
            read_text(&mut stream).await
        };
        let echoed = timeout(Duration::from_secs(10), echoed)
            .await
            .expect("an echo in time")
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&echoed), text);
    }
    // The edge refuses strangers, a service that takes none, and the origin.
    for (path, token, status) in [
        ("/api/live/socket", None, 401),
        ("/api/open/socket", None, 400),
        ("/v1/auth/me", Some(token.as_str()), 400),
    ] {
        let refused = upgrade(&edge, path, token).await.expect_err("no socket");
        assert!(
            refused.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {refused}"
        );
    }
    edge.end().await;
}

async fn in_front_of(recorder: &Recorder) -> Edge {
    let upstreams = json!([
        { "prefix": "/api/open", "url": recorder.url, "auth": "none" },
        { "prefix": "/api/live", "url": recorder.url, "auth": "required", "websocket": true },
    ]);
    edges::edge()
        .with("UPSTREAMS", &upstreams.to_string())
        .start()
        .await
}

/// Asks for a WebSocket. Returns the connection, or the head of the refusal.
async fn upgrade(edge: &Edge, path: &str, token: Option<&str>) -> Result<TcpStream, String> {
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    let host = edge.api.base.trim_start_matches("http://");
    let authorization = token
        .map(|token| format!("authorization: Bearer {token}\r\n"))
        .unwrap_or_default();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: {KEY}\r\n{authorization}\r\n"
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    // Byte by byte: what follows the head belongs to the socket.
    let mut head = Vec::new();
    let reading = async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
    };
    timeout(Duration::from_secs(15), reading)
        .await
        .expect("an answer in time");
    let head = String::from_utf8_lossy(&head).into_owned();
    if head.starts_with("HTTP/1.1 101 ") {
        assert!(
            head.to_lowercase()
                .contains("\r\nx-auth-route-reason: app_service\r\n"),
            "{head}"
        );
        assert!(head.contains(&accept_key(KEY)), "{head}");
        Ok(stream)
    } else {
        Err(head)
    }
}
