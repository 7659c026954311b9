//! The database away, and back.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{TestApp, send, token};

#[tokio::test]
async fn database_outage_is_503_soon_and_never_401() {
    let app = TestApp::start_with(&[
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing"),
        ("DB_POOL_ACQUIRE_MS", "300"),
        ("REQUEST_TIMEOUT_MS", "60000"),
    ])
    .await;
    let token = token("uid-1", &json!({}));
    let started = Instant::now();
    let answers = [
        app.get("/v1/auth/me", &token).await,
        app.get("/v1/tokens/balance", &token).await,
        app.call("POST", "/v1/token/verify", &json!({"token": token}))
            .await,
    ];
    for answer in answers {
        assert_eq!((answer.status, answer.code()), (503, "DATABASE_UNAVAILABLE"));
        assert!(answer.header("retry-after").is_some());
    }
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(send(app.request("GET", "/livez")).await.status, 200);
    let ready = send(app.request("GET", "/readyz")).await.expect(503);
    assert_eq!(ready.body["checks"]["database"], "unreachable");
    assert_eq!(send(app.request("GET", "/health")).await.status, 503);
}

#[tokio::test]
async fn sessions_that_the_server_ended_are_replaced_unnoticed() {
    let app = TestApp::start().await;
    let token = token("uid-1", &json!({}));
    for _ in 0..3 {
        // Several at once open several sessions of the pool; then all of them end, as after a restart.
        let calls: Vec<_> = (0..8)
            .map(|_| tokio::spawn(send(app.request("GET", "/v1/auth/me").bearer_auth(&token))))
            .collect();
        for call in calls {
            call.await.unwrap().expect(200);
        }
        app.database
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name = 'crossfade-origin'",
            )
            .await
            .unwrap();
    }
    app.get("/v1/auth/me", &token).await.expect(200);
}

#[tokio::test]
async fn draining_service_is_not_ready() {
    let mut app = TestApp::start().await;
    assert_eq!(send(app.request("GET", "/readyz")).await.status, 200);
    app.stop().await.unwrap().unwrap();
    assert!(app.app.draining.load(std::sync::atomic::Ordering::Relaxed));
}
