//! What a Socket.IO client sends behind a CONNECT packet waits at the edge while that packet's token is being verified.

use serde_json::json;
use testkit::recorder::Recorder;
use testkit::recorder::socket::{CLIENT_PING, CLOSE, PONG, accept_key, client_frame, read_frame, read_text};
use testkit::wire::{self, Stream, Wire};
use tokio::io::AsyncWriteExt as _;

use super::ID;
use crate::edges::{self, Edge};
use crate::puppet::Puppet;
use crate::users::new_token;

/// Any key of a handshake (RFC 6455 section 1.3).
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What may wait, in characters, and for how many of them each message counts beside its own.
const LIMIT: usize = 1_048_576;
const MESSAGE: usize = 256;
const PARTS: usize = 16;

/// A WebSocket to the path of a Socket.IO server, of which the service sends everything back.
async fn open(edge: &Edge) -> Stream {
    let key = format!("sec-websocket-key: {KEY}");
    let lines = [
        "upgrade: websocket",
        "connection: Upgrade",
        "sec-websocket-version: 13",
        &key,
    ];
    let mut wire = Wire::connect(&edge.direct).await.unwrap();
    let target = b"/api/live/socket.io/?EIO=4&transport=websocket";
    wire.write(&wire::head("GET", target, &lines)).await.unwrap();
    let answer = wire.answer().await.unwrap();
    assert_eq!(answer.status, 101, "{answer:?}");
    let accepted = ("sec-websocket-accept".to_owned(), accept_key(KEY));
    assert!(answer.headers.contains(&accepted), "{answer:?}");
    wire.into_stream()
}

/// Sends a CONNECT packet of a new user.
async fn connect(socket: &mut Stream) {
    let connect = format!(r#"40{{"token":"{}"}}"#, new_token());
    socket.write_all(&client_frame(&connect)).await.unwrap();
}

/// Sends a CONNECT packet, and behind it as many messages as may wait. Returns these once all have arrived.
async fn send(socket: &mut Stream) -> Vec<String> {
    connect(socket).await;
    let width = LIMIT / PARTS - MESSAGE - 2;
    let messages: Vec<String> = (0..PARTS).map(|number| format!("42{number:0width$}")).collect();
    for message in &messages {
        socket.write_all(&client_frame(message)).await.unwrap();
    }
    socket.write_all(&CLIENT_PING).await.unwrap();
    assert_eq!(read_frame(socket).await.unwrap(), (PONG, Vec::new()));
    messages
}

/// An edge before a Socket.IO server and an origin that knows everybody as one user.
async fn between(recorder: &Recorder, origin: &Puppet) -> Edge {
    origin.knows(json!({ "id": ID, "user_type": "user", "email": "ann@example.com" }));
    let upstreams = json!([
        { "prefix": "/api/live", "url": recorder.url, "auth": "required", "websocket": true, "token": "legacy", "token_in": "auth:token" }
    ]);
    edges::edge()
        .with("UPSTREAMS", &upstreams.to_string())
        .with("ORIGIN_URL", &origin.url)
        .start()
        .await
}

async fn is_closed_as_too_much(socket: &mut Stream) {
    let (kind, payload) = read_frame(socket).await.unwrap();
    assert_eq!(
        (kind, payload.get(..2)),
        (CLOSE, Some(&1008_u16.to_be_bytes()[..]))
    );
}

#[tokio::test]
async fn messages_up_to_a_limit_wait_behind_a_packet_being_verified() {
    let (recorder, origin) = (Recorder::start().await.unwrap(), Puppet::start().await);
    let edge = between(&recorder, &origin).await;
    let mut socket = open(&edge).await;
    // Twice: what has waited counts no longer.
    for _ in 0..2 {
        origin.holds_others(true);
        let messages = send(&mut socket).await;
        origin.holds_others(false);
        assert!(read_text(&mut socket).await.unwrap().starts_with(b"40{"));
        for message in messages {
            let received = read_text(&mut socket).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&received), message);
        }
    }
    origin.holds_others(true);
    send(&mut socket).await;
    socket.write_all(&client_frame("2")).await.unwrap();
    is_closed_as_too_much(&mut socket).await;
    edge.end().await;
}

#[tokio::test]
async fn empty_messages_wait_up_to_the_same_limit() {
    let (recorder, origin) = (Recorder::start().await.unwrap(), Puppet::start().await);
    let edge = between(&recorder, &origin).await;
    for message in ["", "2"] {
        let mut socket = open(&edge).await;
        origin.holds_others(true);
        connect(&mut socket).await;
        let many = client_frame(message).repeat(LIMIT / MESSAGE + 1);
        socket.write_all(&many).await.unwrap();
        is_closed_as_too_much(&mut socket).await;
        origin.holds_others(false);
    }
    edge.end().await;
}
