//! A client that leaves while others wait for what its request began.

use std::time::{Duration, Instant};

use testkit::key_server::{Change, KeyServer, Mode};
use testkit::keys::Key;
use testkit::wire::Wire;

use super::{between, by, exchange, puppets};
use crate::people::{id_token, stranger};

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn keys_that_a_leaving_client_asked_for_come_to_those_who_wait() {
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
        // Believed, and sent on.
        assert_eq!(wire.answer().await.unwrap().status, 200);
    }
    exchange(&edge, &request(9)).await.expect(200);
    assert_eq!(issuer.fetches(), 1, "asked for once");
    edge.end().await;
}

#[tokio::test]
async fn sign_ins_go_on_when_whoever_asked_about_the_step_down_leaves() {
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
