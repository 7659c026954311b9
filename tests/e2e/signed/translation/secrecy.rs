//! No client and no log sees a token that the edge made, wherever the service looks for it: everything is searched that a client receives,
//! byte by byte, and everything that the edge writes.

use axum::Router;
use axum::http::{Uri, header};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use testkit::recorder::Recorder;
use testkit::recorder::socket::{client_frame, read_frame};
use testkit::serve;
use testkit::wire::{self, Stream, Wire, WireAnswer};
use tokio::io::AsyncWriteExt as _;

use super::Behind;
use crate::edges::{self, Edge};
use crate::users::new_token;

const SOCKET_IO: &str = "/api/notifications/socket.io/?EIO=4&transport=";

/// A client, and everything that it has received.
struct Client<'e> {
    edge: &'e Edge,
    bearer: String,
    received: String,
    last_id: String,
}

impl<'e> Client<'e> {
    fn new(edge: &'e Edge, token: &str) -> Self {
        Self {
            edge,
            bearer: format!("authorization: Bearer {token}"),
            received: String::new(),
            last_id: String::new(),
        }
    }

    /// Status and body of the answer.
    async fn ask(&mut self, method: &str, target: &str, lines: &[&str], body: &str) -> (u16, String) {
        let target = target.as_bytes();
        let answer = wire::exchange(&self.edge.direct, method, target, lines, body.as_bytes()).await;
        self.hear(&answer.unwrap())
    }

    fn hear(&mut self, answer: &WireAnswer) -> (u16, String) {
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        self.received += &format!("{} {:?}\n{body}\n", answer.status, answer.headers);
        let id = answer.headers.iter().find(|(name, _)| name == "x-request-id");
        self.last_id = id.map(|(_, id)| id.clone()).unwrap_or_default();
        (answer.status, body)
    }

    async fn open(&mut self, target: &str) -> (u16, Stream) {
        let lines = [
            "upgrade: websocket",
            "connection: Upgrade",
            "sec-websocket-version: 13",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        let mut wire = Wire::connect(&self.edge.direct).await.unwrap();
        let head = wire::head("GET", target.as_bytes(), &lines);
        wire.write(&head).await.unwrap();
        let answer = wire.answer().await.unwrap();
        (self.hear(&answer).0, wire.into_stream())
    }

    /// Sends `packet`, and reads until `end` is in what comes.
    async fn say(&mut self, socket: &mut Stream, packet: &str, end: &str) {
        socket.write_all(&client_frame(packet)).await.unwrap();
        self.until(socket, end).await;
    }

    async fn until(&mut self, socket: &mut Stream, end: &str) {
        loop {
            let (kind, payload) = read_frame(socket).await.unwrap();
            let payload = String::from_utf8_lossy(&payload).into_owned();
            self.received += &format!("{kind:#x} {payload}\n");
            if payload.contains(end) {
                return;
            }
        }
    }

    /// The tokens made by the edge among all that it received, and all that the edge wrote.
    async fn found(&self) -> Vec<String> {
        let written = self.edge.log(&self.last_id).await;
        let points = json!(self.edge.points(0).await).to_string();
        minted(&[&self.received, &written, &points].map(String::as_str).concat())
    }
}

/// The tokens in `text` that the edge made: they say so.
fn minted(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let words = text.split(|c| !is_part(c) && c != '.');
    let says_so = |word: &&str| {
        word.split('.').any(|part| {
            let claims = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
            String::from_utf8_lossy(&claims).contains("\"crossfade\"")
        })
    };
    words.filter(says_so).map(str::to_owned).collect()
}

#[tokio::test]
async fn client_and_log_never_see_a_translated_token() {
    for place in ["query", "auth"] {
        let behind = Behind::start_with(&format!("{place}:token"), &[]).await;
        let token = new_token();
        let mut client = Client::new(&behind.edge, &token);
        let bearer = client.bearer.clone();
        for (method, path, status) in [
            ("GET", "/api/archive/results", 200),
            ("GET", "/api/archive/admin/users", 403),
            ("GET", "/api/archive/nothing", 404),
            ("POST", "/api/assessment/submit", 200),
            ("GET", "/api/chatbot/conversations", 200),
            ("GET", "/api/admin/stats", 403),
        ] {
            let (found, body) = client.ask(method, path, &[&bearer], "").await;
            assert_eq!(found, status, "{method} {path}\n{body}");
        }
        let (query, connect) = match place {
            "query" => (format!("&token={token}"), "40".to_owned()),
            _ => (String::new(), format!(r#"40{{"token":"{token}"}}"#)),
        };
        let (_, opened) = client
            .ask("GET", &format!("{SOCKET_IO}polling{query}"), &[], "")
            .await;
        let sid = opened.split('"').nth(3).unwrap().to_owned();
        let session = format!("{SOCKET_IO}polling{query}&sid={sid}");
        for (packet, heard) in [(connect.as_str(), "authenticated"), (r#"42["echo","x"]"#, "echo")] {
            assert_eq!(client.ask("POST", &session, &[], packet).await.0, 200);
            let mut told = String::new();
            while !told.contains(heard) {
                told = client.ask("GET", &session, &[], "").await.1;
            }
        }
        assert_eq!(
            client.ask("POST", &format!("{session}x"), &[], &connect).await.0,
            400
        );
        let (status, mut socket) = client.open(&format!("{SOCKET_IO}websocket{query}")).await;
        assert_eq!(status, 101);
        client.until(&mut socket, "sid").await;
        client.say(&mut socket, &connect, "authenticated").await;
        client.say(&mut socket, r#"42["echo","x"]"#, "echo").await;
        client
            .say(&mut socket, r#"40/admin,{"token":"not.a.token"}"#, "44/admin")
            .await;
        assert_eq!(
            client.found().await,
            Vec::<String>::new(),
            "{place}\n{}",
            client.received
        );
        behind.edge.end().await;
    }
}

/// Answers each request with a redirect to the same address with a slash, query and all, as servers do.
async fn with_a_slash(uri: Uri) -> impl IntoResponse {
    let query = uri.query().unwrap_or_default();
    let location = format!("{}/?{query}", uri.path());
    let headers = [
        (header::LOCATION, location),
        (header::SET_COOKIE, "visited=1".to_owned()),
    ];
    (axum::http::StatusCode::PERMANENT_REDIRECT, headers)
}

#[tokio::test]
async fn redirect_of_a_service_never_shows_a_translated_token() {
    let listener = serve::bind_any().await.unwrap();
    let service = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(serve::serve(listener, Router::new().fallback(with_a_slash)));
    let recorder = Recorder::start().await.unwrap();
    let entry = |prefix: &str, url: &str| json!({ "prefix": prefix, "url": url, "auth": "required", "websocket": true, "token": "legacy", "token_in": "query:token" });
    let upstreams = json!([entry("/api/moved", &service), entry("/api/echo", &recorder.url)]);
    let edge = edges::edge()
        .with("UPSTREAMS", &upstreams.to_string())
        .counted()
        .start()
        .await;
    let token = new_token();
    let mut client = Client::new(&edge, &token);
    let polling = format!("?EIO=4&transport=polling&token={token}");
    let (status, _) = client.open(&format!("/api/moved/live{polling}")).await;
    assert_eq!(status, 308);
    for method in ["GET", "POST", "OPTIONS"] {
        let (status, _) = client
            .ask(method, &format!("/api/moved/live{polling}"), &[], "")
            .await;
        assert_eq!(status, 308, "{method}");
    }
    assert!(
        client
            .received
            .contains("/api/moved/live/?EIO=4&transport=polling"),
        "{}",
        client.received
    );
    assert!(client.received.contains("visited=1"), "{}", client.received);
    assert_eq!(client.found().await, Vec::<String>::new(), "{}", client.received);
    // The search finds what a service that sends its request back reveals.
    client.ask("GET", &format!("/api/echo{polling}"), &[], "").await;
    assert_eq!(client.found().await.len(), 2, "header and query");
    edge.end().await;
    serving.abort();
}
