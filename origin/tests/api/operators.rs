//! The routes of operators and their machines.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{TestApp, token};

#[tokio::test]
async fn metrics_count_by_template_and_name_no_user() {
    let app = TestApp::start().await;
    let token = token(
        "uid-1",
        &json!({"email": "ada@example.org", "email_verified": true}),
    );
    let me = app.get("/v1/auth/me", &token).await.expect(200);
    let id = me.body["data"]["user"]["id"].as_str().unwrap().to_owned();
    app.get(&format!("/v1/users/{id}"), &token).await.expect(403);
    app.get("/v1/auth/me", "garbage").await.expect(401);
    let text = app
        .request("GET", "/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let count = |method: &str, route: &str, status: u16| {
        format!(
            "http_server_request_duration_seconds_count{{http_request_method=\"{method}\",http_route=\"{route}\",\
             http_response_status_code=\"{status}\"}} 1"
        )
    };
    for line in [
        count("GET", "/v1/auth/me", 200),
        count("GET", "/v1/auth/me", 401),
        count("GET", "/v1/users/{id}", 403),
        "http_server_active_requests 1".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(
        text.contains("origin_failures_total{code=\"TOKEN_MALFORMED\""),
        "{text}"
    );
    for secret in [&id, "uid-1", "ada@"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn request_in_flight_is_answered_after_the_stop_signal() {
    let mut app = TestApp::start().await;
    let token = token("uid-1", &json!({}));
    let body = json!({"token": token}).to_string();
    let mut connection = TcpStream::connect(app.base.trim_start_matches("http://"))
        .await
        .unwrap();
    let head = format!(
        "POST /v1/token/verify HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    // "100 Continue" says that the handler waits for the body: the request is in flight.
    let mut interim = [0; 25];
    connection.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    let stopped = app.stop();
    while !app.app.draining.load(std::sync::atomic::Ordering::Relaxed) {
        tokio::task::yield_now().await;
    }
    connection.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    stopped.await.unwrap().unwrap();
    assert_eq!(app.users().await, 1);
}

#[tokio::test]
async fn missing_schema_logs_no_user_out() {
    let app = TestApp::start().await;
    app.database.execute("DROP SCHEMA auth CASCADE").await.unwrap();
    let answer = app.get("/v1/auth/me", &token("uid-1", &json!({}))).await;
    assert_eq!((answer.status, answer.code()), (503, "DATABASE_UNAVAILABLE"));
}
