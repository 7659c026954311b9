//! The autopilot on its Durable Object: it moves users, sends them back, and waits for an operator's go.

mod deployment;
mod sessions;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::Api;
use crate::edges::edge;
use crate::puppet::Puppet;
use crate::stack;

const ADMIN: &str = "an-admin-key-of-at-least-32-characters";
/// v2 is asked every five seconds whether it is ready; an interval lasts ten and counts twelve later.
const WITHIN: Duration = Duration::from_secs(60);

async fn rollout(edge: &Api) -> Value {
    let answer = edge
        .get("/v1/rollout")
        .header("x-service-key", ADMIN)
        .send()
        .await;
    answer.expect(200).json()["data"].take()
}

/// What `cargo xtask rollout` prints about the edge.
async fn command(name: &str, edge: &Api) -> String {
    stack::xtask(&["rollout", name, edge.base(), "--service-key", ADMIN]).await
}

/// Users sign in once each, from different addresses, until the rollout is at `percent`.
async fn until(edge: &Api, percent: &str, callers: &mut u32) -> Value {
    let began = Instant::now();
    loop {
        for _ in 0..50 {
            *callers += 1;
            let [_, b, c, d] = callers.to_be_bytes();
            let body = json!({ "email": format!("person-{callers}@example.com"), "password": "x" });
            edge.post("/auth/login", &body)
                .header("cf-connecting-ip", &format!("10.{b}.{c}.{d}"))
                .send()
                .await;
        }
        let shown = rollout(edge).await;
        if shown["effective"]["percent"] == percent {
            return shown;
        }
        assert!(began.elapsed() < WITHIN, "still not at {percent} %\n{shown:#}");
    }
}

#[tokio::test]
async fn autopilot_moves_users_sends_them_back_and_waits_for_a_go() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    v2.answers(503);
    let edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "0")
        .with("ROLLOUT_AUTOPILOT", "50,100; error_percent=50; session_seconds=0")
        .with("INTERNAL_SERVICE_KEYS", &format!("ops:{ADMIN}:admin"))
        .watched()
        .start()
        .await;
    let api = &edge.api;
    let mut callers = 0;
    until(api, "0", &mut callers).await;
    v2.answers(200);
    let shown = until(api, "50", &mut callers).await;
    assert_eq!(shown["override"]["author"], "autopilot", "{shown:#}");
    assert_eq!(shown["autopilot"]["next"], "100", "{shown:#}");
    let status = command("status", api).await;
    for line in [
        "stage      ramp, 50 %",
        "next step 100",
        "before live:",
        "the edge is ready",
    ] {
        assert!(status.contains(line), "{line}\n{status}");
    }

    // v2 refuses every password.
    v2.answers(401);
    let shown = until(api, "0", &mut callers).await;
    let record = &shown["autopilot"]["evidence"][0];
    assert_eq!(record["outcome"], "roll_back", "{shown:#}");
    assert_eq!(record["readings"][1]["guardrail"], "wrong_passwords", "{shown:#}");
    assert_eq!(record["readings"][1]["verdict"], "roll_back", "{shown:#}");
    assert_eq!(shown["autopilot"]["waits_for_go"], true, "{shown:#}");

    // The autopilot's decisions outlive the object.
    v2.answers(200);
    let edge = edge.restart().await;
    let api = &edge.api;
    let shown = rollout(api).await;
    assert_eq!(shown["autopilot"]["waits_for_go"], true, "{shown:#}");
    let expires_at = (chrono::Utc::now() + chrono::Duration::hours(1)).to_rfc3339();
    let go = json!({
        "autopilot": "go", "reason": "mended", "expires_at": expires_at, "expected_version": shown["version"],
    });
    edge.api
        .call("PUT", "/v1/rollout")
        .header("x-service-key", ADMIN)
        .json(&go)
        .send()
        .await
        .expect(200);
    let shown = until(api, "50", &mut callers).await;
    assert_eq!(
        shown["autopilot"]["evidence"].as_array().map(Vec::len),
        Some(3),
        "{shown:#}"
    );
    edge.end().await;
}

#[tokio::test]
async fn networks_of_one_ipv6_site_send_no_other_user_back() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "50")
        .with("ROLLOUT_AUTOPILOT", "50,100; error_percent=50; session_seconds=0")
        .with("INTERNAL_SERVICE_KEYS", &format!("ops:{ADMIN}:admin"))
        .watched()
        .start()
        .await;
    // A stranger types wrong passwords, each on another network of the /48 that their provider gave them.
    v2.answers(401);
    for network in 0..600 {
        let body = json!({ "email": format!("person-{network}@example.com"), "password": "wrong" });
        edge.api
            .post("/auth/login", &body)
            .header("cf-connecting-ip", &format!("2001:db8:7:{network:x}::1"))
            .send()
            .await;
    }
    // Everybody else signs in, and the rollout goes on.
    v2.answers(200);
    let shown = until(&edge.api, "100", &mut 0).await;
    assert_eq!(shown["autopilot"]["waits_for_go"], false, "{shown:#}");
    edge.end().await;
}
