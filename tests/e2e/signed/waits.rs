//! No request waits for a silent service longer than its limit, whichever other clients stay.

use std::time::{Duration, Instant};

use testkit::rude::{Act, RudeService};
use testkit::wire::{Wire, head};
use tokio::task::JoinSet;

use crate::edges::{Edge, edge};

const LIMIT: Duration = Duration::from_secs(1);
/// The delay of a busy machine.
const SLACK: Duration = Duration::from_millis(1_250);

/// A service that takes a request and never answers, and an edge before it that opens no breaker.
async fn silent() -> (RudeService, Edge) {
    let service = RudeService::start(|_| vec![Act::Pause(Duration::from_secs(60))])
        .await
        .unwrap();
    let upstreams = serde_json::json!([{ "prefix": "/api/open", "url": service.url, "auth": "none" }]);
    let edge = edge()
        .with("UPSTREAMS", &upstreams.to_string())
        .with("UPSTREAM_TIMEOUT_MS", "1000")
        .with("BREAKER_FAILURES", "1000")
        .start()
        .await;
    (service, edge)
}

async fn ask(edge: &Edge) -> Wire {
    let mut wire = Wire::connect(&edge.direct).await.unwrap();
    wire.write(&head("GET", b"/api/open/x", &[])).await.unwrap();
    wire
}

/// Asks, waits for the refusal and compares the time.
async fn is_refused_in_time(edge: &Edge, number: usize) {
    let began = Instant::now();
    let answer = ask(edge).await.answer().await.unwrap();
    let took = began.elapsed();
    assert_eq!(answer.status, 504, "request {number}");
    assert!(
        LIMIT <= took && took < LIMIT + SLACK,
        "request {number}: {took:?}"
    );
}

async fn asked(service: &RudeService, count: usize) {
    let began = Instant::now();
    while service.asked().len() < count {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "not asked {count} times"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn waits_end_after_the_first_client_has_left() {
    let (service, edge) = silent().await;
    let first = ask(&edge).await;
    asked(&service, 1).await;
    let mut others = JoinSet::new();
    let edge = std::sync::Arc::new(edge);
    for number in 0..10 {
        let edge = std::sync::Arc::clone(&edge);
        others.spawn(async move { is_refused_in_time(&edge, number).await });
    }
    asked(&service, 11).await;
    first.leave().unwrap();
    others.join_all().await;
    // The same again, after a moment in which no request waited.
    is_refused_in_time(&edge, 99).await;
}

#[tokio::test]
async fn waits_end_in_time_while_clients_come_and_leave() {
    let (_service, edge) = silent().await;
    let edge = std::sync::Arc::new(edge);
    let began = Instant::now();
    let mut waiting = JoinSet::new();
    let mut number = 0;
    while began.elapsed() < Duration::from_secs(13) {
        number += 1;
        if number % 3 == 0 {
            let wire = ask(&edge).await;
            waiting.spawn(async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                wire.leave().unwrap();
            });
        } else {
            let edge = std::sync::Arc::clone(&edge);
            waiting.spawn(async move { is_refused_in_time(&edge, number).await });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    waiting.join_all().await;
}
