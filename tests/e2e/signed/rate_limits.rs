//! Limits on public calls, counted by the runtime's own binding.

use serde_json::json;

use crate::answer::Answer;
use crate::api::Api;
use crate::edges::{Edge, edge};
use crate::puppet::Puppet;
use crate::stack;

async fn sign_in(edge: &Api, key: Option<&str>) -> Answer {
    let call = edge
        .post(
            "/auth/login",
            &json!({ "email": "ann@example.com", "password": "x" }),
        )
        .header("cf-connecting-ip", "192.0.2.1");
    match key {
        Some(key) => call.header("x-service-key", key).send().await,
        None => call.send().await,
    }
}

#[tokio::test]
async fn callers_see_the_limit_and_are_refused_beyond_it() {
    let legacy = Puppet::start().await;
    let edge = edge()
        .with("LEGACY_AUTH_URL", &legacy.url)
        .with("ROLLOUT_PERCENT", "0")
        .with("RATE_LIMITS", "login=3/60")
        .limited("LIMIT_LOGIN", 3, 60)
        .start()
        .await;
    for _ in 0..3 {
        sign_in(&edge.api, None)
            .await
            .expect(200)
            .has_header("ratelimit-policy", "\"login\";q=3;w=60")
            .lacks_header("ratelimit");
    }
    sign_in(&edge.api, None)
        .await
        .refused(429, "RATE_LIMITED")
        .came_from("edge", "limit_login")
        .has_header("ratelimit-policy", "\"login\";q=3;w=60")
        .has_header("ratelimit", "\"login\";r=0;t=60")
        .has_header("retry-after", "60");
    assert_eq!(legacy.asked().len(), 3);

    // Our own services are not counted, and no other call has this limit. The refusal did not wait for its request's body, so its
    // connection may be gone.
    let afresh = Api::at(&edge.api.base);
    let key = stack::variable("E2E_SERVICE_KEY");
    sign_in(&afresh, Some(&key))
        .await
        .expect(200)
        .lacks_header("ratelimit-policy");
    afresh
        .get("/auth/schools")
        .send()
        .await
        .lacks_header("ratelimit-policy");
    edge.end().await;
}

/// An edge with low limits on calls about one account, before `legacy`.
async fn counting_accounts(legacy: &Puppet) -> Edge {
    edge()
        .with("LEGACY_AUTH_URL", &legacy.url)
        .with("ROLLOUT_PERCENT", "0")
        .limited("LIMIT_LOGIN", 1000, 60)
        .limited("LIMIT_ACCOUNT", 5, 60)
        .limited("LIMIT_ACCOUNT_NETWORK", 1, 60)
        .start()
        .await
}

/// Strangers from many networks call about one account, and so does its owner: the counters that strangers fill refuse only strangers.
#[tokio::test]
async fn strangers_calls_do_not_lock_the_owner_out() {
    let legacy = Puppet::start().await;
    let edge = counting_accounts(&legacy).await;
    let sign_in = async |address: String| {
        // A refusal does not wait for its request's body, so its connection may be gone.
        Api::at(&edge.api.base)
            .post(
                "/auth/login",
                &json!({ "email": "Ann@example.com", "password": "x" }),
            )
            .header("cf-connecting-ip", &address)
            .send()
            .await
    };
    let mut refused = 0;
    for round in 0..3 {
        for stranger in 0..10 {
            let answer = sign_in(format!("2001:db8:1:{stranger}::{round}")).await;
            refused += u32::from(answer.status == 429);
        }
        sign_in(format!("2001:db8:2:{round}::1")).await.expect(200);
    }
    // 15 in one period of the counters; a new period may begin meanwhile.
    assert!(refused >= 5, "{refused}");
    edge.end().await;
}

/// Bodies that the edge cannot read whole, and a legacy service can, count as calls about one account.
#[tokio::test]
async fn hiding_the_account_does_not_pass_its_counter() {
    let legacy = Puppet::start().await;
    let edge = counting_accounts(&legacy).await;
    let named = |other: &str| format!(r#"{{{other}"email":"ann@example.com","password":"x"}}"#);
    let padding = "x".repeat(20_000);
    let disguises = [
        (
            "accept",
            "*/*",
            named(&format!(r#""padding":"{padding}","#)).into_bytes(),
        ),
        (
            "accept",
            "*/*",
            named(r#""email":"ben@example.com","#).into_bytes(),
        ),
        ("content-encoding", "gzip", b"\x1f\x8b\x08\x00 and so on".to_vec()),
        (
            "content-type",
            "application/json; charset=utf-7",
            named("").into_bytes(),
        ),
    ];
    let mut refused = 0;
    for round in 0..5 {
        for (name, value, body) in &disguises {
            // A refusal does not wait for its request's body, so its connection may be gone.
            let answer = Api::at(&edge.api.base)
                .call("POST", "/auth/login")
                .header("cf-connecting-ip", &format!("2001:db8:3::{round}"))
                .header(name, value)
                .body(body.clone())
                .send()
                .await;
            refused += u32::from(answer.status == 429);
        }
    }
    // 14 in one period of the counters; a new period may begin meanwhile.
    assert!(refused >= 5, "{refused}");
    edge.end().await;
}
