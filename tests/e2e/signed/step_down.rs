//! The step-down on its Durable Object: sign-ins go back when v2 fails, and return when it is well.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::answer::Answer;
use crate::api::Api;
use crate::edges::edge;
use crate::puppet::Puppet;

const MOST: Duration = Duration::from_secs(10);
/// The window and the hold are at their shortest, five and ten seconds; probes come every five.
const BACK_WITHIN: Duration = Duration::from_secs(45);

async fn sign_in(edge: &Api, user: usize) -> Answer {
    let body = json!({ "email": format!("person-{user}@example.com"), "password": "x" });
    // Each caller has an address of its own: the failures of one caller send no other user back.
    let address = format!("10.0.{}.{}", user / 256 % 256, user % 256);
    edge.post("/auth/login", &body)
        .header("cf-connecting-ip", &address)
        .send()
        .await
}

fn reason(answer: &Answer) -> &str {
    answer.header("x-auth-route-reason").unwrap_or_default()
}

/// Signs users in until one is signed in by `wanted`. No sign-in may be refused on the way.
async fn until(edge: &Api, wanted: &str, within: Duration) -> Duration {
    let began = Instant::now();
    for user in 0.. {
        let answer = sign_in(edge, user).await.expect(200);
        if reason(&answer) == wanted {
            break;
        }
        assert!(began.elapsed() < within, "still not {wanted}\n{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    began.elapsed()
}

#[tokio::test]
async fn sign_ins_go_back_within_ten_seconds_and_return_when_v2_is_well() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "100")
        .with("ROLLBACK_WINDOW_SECONDS", "5")
        .watched()
        .start()
        .await;
    sign_in(&edge.api, 0).await.came_from("v2", "in_cohort");

    v2.answers(503);
    until(&edge.api, "stepped_down", MOST).await;

    // v2 has stopped failing, and legacy does not know this user: the edge finds them at v2, stepped down or not. Until its breaker closes
    // the edge does not ask v2, and the user gets an outage, never "unknown".
    v2.answers(200);
    legacy.answers(404);
    let began = Instant::now();
    loop {
        let answer = sign_in(&edge.api, 0).await;
        if answer.status == 200 {
            answer.came_from("v2", "fallback_unknown_there");
            break;
        }
        let answer = answer.expect(503);
        assert!(began.elapsed() < MOST, "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    legacy.answers(200);
    until(&edge.api, "in_cohort", BACK_WITHIN).await;
    edge.end().await;
}

#[tokio::test]
async fn requests_fall_back_singly_without_the_binding() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    v2.answers(503);
    let edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "100")
        .start()
        .await;
    let began = Instant::now();
    // Longer than isolates take to report twice.
    while began.elapsed() < Duration::from_secs(5) {
        let answer = sign_in(&edge.api, 0).await.expect(200);
        assert!(reason(&answer).starts_with("fallback_"), "{answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    edge.end().await;
}
