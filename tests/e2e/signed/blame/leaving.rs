//! A client leaves while others wait for the result of work that its request began.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::key_server::{Change, KeyServer, Mode};
use testkit::keys::Key;
use testkit::wire::Wire;

use super::{between, by, exchange, puppets};
use crate::users::{id_token, stranger};

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn key_fetch_of_a_leaving_client_serves_waiting_ones() {
    let issuer = KeyServer::start().await.unwrap();
    let slow = Change {
        mode: Some(Mode::Slow),
        delay_ms: Some(1_500),
        ..Change::default()
    };
    issuer.change(slow).unwrap();
    let (v2, legacy) = puppets().await;
    let edge = between(&v2.url, &legacy.url)
        .with("FIREBASE_JWKS_URL", &issuer.url())
        .start()
        .await;
    let request = |number: usize| {
        let token = id_token(&stranger()).by(Key::named("issuer-a").unwrap()).mint();
        let authorization = format!("authorization: Bearer {token}");
        by(
            &format!("203.0.113.{number}"),
            "GET",
            "/v1/nowhere",
            &[&authorization],
        )
    };
    let mut first = Wire::connect(&edge.direct).await.unwrap();
    first.write(&request(0)).await.unwrap();
    let began = Instant::now();
    while issuer.fetches() == 0 {
        assert!(began.elapsed() < PATIENCE, "the keys were not asked for");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut others = Vec::new();
    for number in 1..4 {
        let mut wire = Wire::connect(&edge.direct).await.unwrap();
        wire.write(&request(number)).await.unwrap();
        others.push(wire);
    }
    first.leave().unwrap();
    for mut wire in others {
        // The edge believed the token and forwarded the request.
        assert_eq!(wire.answer().await.unwrap().status, 200);
    }
    exchange(&edge, &request(9)).await.expect(200);
    assert_eq!(issuer.fetches(), 1, "asked for once");
    edge.end().await;
}

#[tokio::test]
async fn sign_ins_go_on_when_the_client_that_asked_about_step_down_leaves() {
    let (v2, legacy) = puppets().await;
    let edge = between(&v2.url, &legacy.url).watched().start().await;
    let body = r#"{"email":"ann@v2.example","password":"x"}"#;
    let length = format!("content-length: {}", body.len());
    let sign_in = |address: &str| {
        let head = by(
            address,
            "POST",
            "/auth/login",
            &["content-type: application/json", &length],
        );
        [head, body.into()].concat()
    };
    for round in 0..20 {
        let mut first = Wire::connect(&edge.direct).await.unwrap();
        first.write(&sign_in("203.0.113.1")).await.unwrap();
        first.leave().unwrap();
        exchange(&edge, &sign_in(&format!("203.0.113.{round}")))
            .await
            .expect(200)
            .came_from("v2", "forced_v2");
    }
    edge.end().await;
}

#[tokio::test]
async fn revocation_feed_answer_for_a_leaving_client_serves_others() {
    let (v2, legacy) = puppets().await;
    v2.knows(json!({ "id": "0190a6a1-7c1e-7a51-8d0e-6f2f5a6b7c8d", "user_type": "user" }));
    v2.holds_changes(true);
    let upstreams = json!([{ "prefix": "/api/shop", "url": v2.url, "auth": "required" }]);
    let edge = between(&v2.url, &legacy.url)
        .with("UPSTREAMS", &upstreams.to_string())
        .with("UPSTREAM_TIMEOUT_MS", "3000")
        .start()
        .await;
    let request = || {
        let authorization = format!("authorization: Bearer {}", id_token(&stranger()).mint());
        by("203.0.113.1", "GET", "/api/shop/cart", &[&authorization])
    };
    let mut first = Wire::connect(&edge.direct).await.unwrap();
    first.write(&request()).await.unwrap();
    let began = Instant::now();
    while v2.cursors().is_empty() {
        assert!(began.elapsed() < PATIENCE, "changes were not asked for");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    first.leave().unwrap();
    // No other caller waits for the answer.
    exchange(&edge, &request()).await.expect(200);
    v2.holds_changes(false);
    // The edge took the answer all the same: the next question continues from its cursor.
    while v2.cursors().len() < 2 {
        assert!(began.elapsed() < PATIENCE, "changes were not asked for again");
        exchange(&edge, &request()).await.expect(200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(v2.cursors(), [None, Some("7".to_owned())]);
    edge.end().await;
}
