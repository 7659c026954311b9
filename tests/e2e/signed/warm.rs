//! An isolate that has answered many thousand requests: the engine has optimised what they all run. A promise made by optimised code forgets
//! to which request it belongs, so that a request which another one resumes goes on as that other one; the runtime then refuses what it
//! sends and what it answers.

use std::time::Duration;

use serde_json::json;
use testkit::key_server::{Change, KeyServer, Mode};
use testkit::rude::{Act, RudeService};
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::api::Call;
use crate::edges::{Edge, edge, under};
use crate::users::{new_token, register_with_legacy};

/// The engine has optimised a wait after about 17,000 of them.
const ENOUGH: usize = 20_000;
const AT_ONCE: usize = 500;

async fn at_once(count: usize, call: impl Fn() -> Call) -> Vec<Answer> {
    let mut sent = JoinSet::new();
    for _ in 0..count {
        sent.spawn(call().send());
    }
    sent.join_all().await
}

/// Sends requests that need keys from an address of which the isolate has none yet. All wait for one fetch, and are then sent on.
async fn wait_for_keys(edge: &Edge, issuer: &KeyServer, token: &str, round: usize) -> Vec<Answer> {
    let variables = json!({
        "FIREBASE_JWKS_URL": format!("{}?round={round}", issuer.url()),
        "CF_VERSION_METADATA": { "id": round.to_string(), "tag": "", "timestamp": "" },
    });
    at_once(AT_ONCE, || {
        under(edge.api.get("/api/app/x").bearer(token), &variables)
    })
    .await
}

#[tokio::test]
async fn requests_that_wait_go_on_as_themselves() {
    let issuer = KeyServer::start().await.unwrap();
    // Slow enough for all of a round to arrive while the fetch runs.
    issuer
        .change(Change {
            mode: Some(Mode::Slow),
            delay_ms: Some(500),
            max_age: Some(3_600),
            ..Change::default()
        })
        .unwrap();
    let service = RudeService::start(|_| vec![Act::answer(200, "{}")])
        .await
        .unwrap();
    let silent = RudeService::start(|_| vec![Act::Pause(Duration::from_secs(60))])
        .await
        .unwrap();
    let upstreams = json!([{ "prefix": "/api/app", "url": service.url, "auth": "required" }]);
    let edge = edge()
        .with("UPSTREAMS", &upstreams.to_string())
        .with("LEGACY_AUTH_URL", &silent.url)
        .with("UPSTREAM_TIMEOUT_MS", "5000")
        .with("BREAKER_FAILURES", "1000")
        .changeable()
        .start()
        .await;

    let token = new_token();
    for round in 1..=ENOUGH / AT_ONCE {
        for answer in wait_for_keys(&edge, &issuer, &token, round).await {
            assert_eq!(answer.status, 200, "round {round}\n{answer}");
        }
        assert_eq!(issuer.fetches(), round as u64, "round {round}");
    }

    let (_, registered) = register_with_legacy().await;
    let token = registered.text_at("/data/token");
    for answer in at_once(8, || edge.api.get("/auth/profile").bearer(&token)).await {
        answer.expect(200).came_from("v2", "fallback_timeout");
    }
    edge.end().await;
}
