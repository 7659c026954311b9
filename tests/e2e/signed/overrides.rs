//! An override changes the rollout without a deployment, on the Durable Object that keeps overrides.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::api::Api;
use crate::edges::{Edge, edge};
use crate::puppet::Puppet;

const ADMIN: &str = "an-admin-key-of-at-least-32-characters";
const OTHER: &str = "another-key-of-at-least-32-characters";

/// The time within which a change reaches every isolate.
const WITHIN: Duration = Duration::from_secs(4);

async fn sign_in(edge: &Api) -> Answer {
    let body = json!({ "email": "ann@example.com", "password": "x" });
    edge.post("/auth/login", &body).send().await
}

async fn put(edge: &Api, key: &str, version: u64, change: &Value) -> Answer {
    let expires_at = chrono::Utc::now() + chrono::Duration::hours(1);
    let mut body =
        json!({ "reason": "a test", "expires_at": expires_at.to_rfc3339(), "expected_version": version });
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    edge.call("PUT", "/v1/rollout")
        .header("x-service-key", key)
        .json(&body)
        .send()
        .await
}

async fn get(edge: &Api) -> Answer {
    edge.get("/v1/rollout")
        .header("x-service-key", ADMIN)
        .send()
        .await
        .expect(200)
}

#[tokio::test]
async fn override_is_obeyed_at_the_next_sign_in_and_undone_by_an_empty_one() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "0")
        .with("INTERNAL_SERVICE_KEYS", &format!("ops:{ADMIN}:admin,app:{OTHER}"))
        .watched()
        .start()
        .await;
    let api = &edge.api;
    sign_in(api).await.came_from("legacy", "not_in_cohort");

    put(api, OTHER, 0, &json!({ "percent": 100 })).await.expect(403);
    put(api, ADMIN, 0, &json!({ "percent": 101 })).await.expect(400);
    sign_in(api).await.came_from("legacy", "not_in_cohort");

    put(api, ADMIN, 0, &json!({ "percent": 100 })).await.expect(200);
    sign_in(api).await.came_from("v2", "in_cohort");
    put(api, ADMIN, 0, &json!({ "percent": 50 })).await.expect(409);

    put(api, ADMIN, 1, &json!({ "kill_switch": true }))
        .await
        .expect(200);
    sign_in(api).await.came_from("legacy", "kill_switch");
    put(api, ADMIN, 2, &json!({})).await.expect(200);
    sign_in(api).await.came_from("legacy", "not_in_cohort");

    let shown = get(api).await.json();
    assert_eq!(shown["data"]["version"], 3, "{shown}");
    assert_eq!(
        shown["data"]["history"].as_array().map(Vec::len),
        Some(3),
        "{shown}"
    );
    assert_eq!(shown["data"]["history"][1]["author"], "ops", "{shown}");
    edge.end().await;
}

#[tokio::test]
async fn edge_without_the_object_refuses_overrides() {
    let edge = edge()
        .with("INTERNAL_SERVICE_KEYS", &format!("ops:{ADMIN}:admin"))
        .start()
        .await;
    put(&edge.api, ADMIN, 0, &json!({ "percent": 100 }))
        .await
        .expect(503);
    edge.end().await;
}

#[tokio::test]
async fn override_needs_a_second_service_where_configured() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "0")
        .with("ROLLOUT_TWO_PERSONS", "on")
        .with(
            "INTERNAL_SERVICE_KEYS",
            &format!("ops:{ADMIN}:admin,lead:{OTHER}:admin"),
        )
        .watched()
        .start()
        .await;
    let api = &edge.api;
    let change = json!({ "percent": 100, "expires_at": "2999-01-01T00:00:00Z" });
    put(api, ADMIN, 0, &change).await.expect(400);
    let expires_at = (chrono::Utc::now() + chrono::Duration::hours(2)).to_rfc3339();
    let change = json!({ "percent": 100, "expires_at": expires_at });
    put(api, ADMIN, 0, &change).await.expect(202);
    sign_in(api).await.came_from("legacy", "not_in_cohort");
    put(api, OTHER, 0, &change).await.expect(200);
    sign_in(api).await.came_from("v2", "in_cohort");
    edge.end().await;
}

/// Signs a user in there; returns whether v2 answered, and how long that took.
async fn is_at_v2(edge: &Api) -> bool {
    let answer = sign_in(edge).await.expect(200);
    answer.header("x-auth-route") == Some("v2")
}

#[tokio::test]
async fn override_reaches_ten_isolates_within_four_seconds_and_outlives_the_object() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "0")
        .with("INTERNAL_SERVICE_KEYS", &format!("ops:{ADMIN}:admin"))
        .watched()
        .isolates(10)
        .start()
        .await;
    let isolates = |edge: &Edge| {
        let others = edge.others.iter().map(|url| Api::at(url));
        std::iter::once(Api::at(&edge.direct))
            .chain(others)
            .collect::<Vec<_>>()
    };
    let all = isolates(&edge);
    assert_eq!(all.len(), 10);
    for isolate in &all {
        assert!(!is_at_v2(isolate).await);
    }
    put(&all[0], ADMIN, 0, &json!({ "percent": 100 }))
        .await
        .expect(200);
    let changed = Instant::now();
    // Under load: each isolate gets requests all the time, until long after it has learned of the change.
    let mut watched = JoinSet::new();
    for isolate in all {
        watched.spawn(async move {
            let mut heard = None;
            while changed.elapsed() < WITHIN * 2 {
                match (is_at_v2(&isolate).await, heard) {
                    (true, None) => heard = Some(changed.elapsed()),
                    (false, Some(at)) => panic!("a split decision after {at:?}"),
                    _ => {}
                }
            }
            heard.expect("it never heard")
        });
    }
    let heard = watched.join_all().await;
    let last = heard.into_iter().max().unwrap();
    println!("the last of ten isolates heard after {last:?}");
    assert!(last <= WITHIN, "{last:?}");

    let edge = edge.restart().await;
    for isolate in isolates(&edge) {
        assert!(is_at_v2(&isolate).await, "the object has forgotten");
    }
    edge.end().await;
}

#[tokio::test]
async fn change_that_breaks_a_rule_is_answered_with_the_rule_and_changes_nothing() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "0")
        .with("INTERNAL_SERVICE_KEYS", &format!("ops:{ADMIN}:admin"))
        .watched()
        .start()
        .await;
    let api = &edge.api;
    put(api, ADMIN, 0, &json!({ "percent": 50 })).await.expect(200);
    let before = get(api).await.json()["data"].take();
    let change = |version: u64, expires_at: &str| {
        format!(
            r#"{{"percent":100,"reason":"a test","expected_version":{version},"expires_at":{expires_at}}}"#
        )
    };
    let soon = (chrono::Utc::now() + chrono::Duration::hours(1)).to_rfc3339();
    let soon = format!("\"{soon}\"");
    let guess = "a-guess-of-at-least-32-characters";
    for (key, body, status, rule) in [
        (ADMIN, "{".to_owned(), 400, "not a JSON object"),
        (ADMIN, "\u{0}".to_owned(), 400, "not a JSON object"),
        (ADMIN, change(1, "7"), 400, "not a JSON object"),
        (ADMIN, change(1, "\"tomorrow\""), 400, "expires_at"),
        (ADMIN, change(1, "\"2020-01-01T00:00:00Z\""), 400, "has passed"),
        (ADMIN, change(0, &soon), 409, "expected_version is not 1"),
        ("", change(1, &soon), 403, "An admin service key is needed"),
        (guess, change(1, &soon), 403, "An admin service key is needed"),
    ] {
        let answer = api
            .call("PUT", "/v1/rollout")
            .header("x-service-key", key)
            .body(body.clone())
            .send()
            .await
            .expect(status);
        assert!(answer.json().to_string().contains(rule), "{body}: {answer}");
        let after = get(api).await.json()["data"].take();
        assert_eq!(after, before, "{body}");
    }
    edge.end().await;
}

/// Whether it says that it cannot read what is kept.
async fn complains(edge: &Api) -> bool {
    let ready = edge.get("/readyz").send().await.json().to_string();
    ready.contains("the overrides that are kept cannot be read")
}

#[tokio::test]
async fn kept_overrides_that_cannot_be_read_move_nobody_until_the_next_change() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let mut edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "0")
        .with("INTERNAL_SERVICE_KEYS", &format!("ops:{ADMIN}:admin"))
        .watched()
        .changeable()
        .start()
        .await;
    let kept = |percent: &str, author: &str, expires_at: i64| {
        format!(
            r#"{{"history":[{{"percent":"{percent}","reason":"a test",{author}"since":1700000000,"expires_at":{expires_at},"version":7}}],"pending":null}}"#
        )
    };
    let (ops, later) = (r#""author":"ops","#, 4_000_000_000);
    for (text, is_readable) in [
        ("not json".to_owned(), false),
        (r#"{"history":7}"#.to_owned(), false),
        (kept("101", ops, later), false),
        (kept("all", ops, later), false),
        (kept("100", "", later), false),
        (kept("100", ops, 1_700_000_001), true),
    ] {
        edge.api
            .get("/livez")
            .header("x-test-kept", &json!({ "steering": text }).to_string())
            .send()
            .await
            .expect(204);
        edge = edge.restart().await;
        sign_in(&edge.api).await.came_from("legacy", "not_in_cohort");
        let began = Instant::now();
        while !is_readable && !complains(&edge.api).await {
            assert!(began.elapsed() < WITHIN, "{text} is taken for good");
        }
    }
    assert!(!complains(&edge.api).await);
    // What was in force under version 7 has expired; the next one goes on from there.
    put(&edge.api, ADMIN, 0, &json!({ "percent": 100 }))
        .await
        .expect(409);
    put(&edge.api, ADMIN, 7, &json!({ "percent": 100 }))
        .await
        .expect(200);
    sign_in(&edge.api).await.came_from("v2", "in_cohort");
    edge.end().await;
}

#[tokio::test]
async fn expiry_of_an_override_is_told_once() {
    let webhook = Puppet::start().await;
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "100")
        .with("INTERNAL_SERVICE_KEYS", &format!("ops:{ADMIN}:admin"))
        .with("ROLLOUT_WEBHOOK_URL", &webhook.url)
        .watched()
        .start()
        .await;
    let expires_at = (chrono::Utc::now() + chrono::Duration::seconds(3)).to_rfc3339();
    let change = json!({ "kill_switch": true, "expires_at": expires_at });
    put(&edge.api, ADMIN, 0, &change).await.expect(200);
    let began = Instant::now();
    // Isolates report, and are told, while there are sign-ins. Two reports later nothing more is told.
    let mut expired = None;
    while expired.is_none_or(|expired: Instant| expired.elapsed() < WITHIN) {
        let answer = sign_in(&edge.api).await;
        if webhook.asked().len() > 1 && expired.is_none() {
            answer.came_from("v2", "in_cohort");
            expired = Some(Instant::now());
        }
        assert!(began.elapsed() < 4 * WITHIN, "the webhook was not told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(webhook.asked().len(), 2);
    edge.end().await;
}

#[tokio::test]
async fn webhook_gets_each_change_and_a_silent_one_delays_nothing() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    let listening = Puppet::start().await;
    for (url, is_heard) in [(&listening.url, true), (&silent_url, false)] {
        let edge = edge()
            .with("INTERNAL_SERVICE_KEYS", &format!("ops:{ADMIN}:admin"))
            .with("ROLLOUT_WEBHOOK_URL", url)
            .watched()
            .start()
            .await;
        let began = Instant::now();
        put(&edge.api, ADMIN, 0, &json!({ "percent": 100 }))
            .await
            .expect(200);
        // The webhook gets three seconds to answer.
        assert!(
            began.elapsed() < Duration::from_millis(2_500),
            "{:?}",
            began.elapsed()
        );
        if is_heard {
            while listening.asked().is_empty() {
                assert!(began.elapsed() < WITHIN, "the webhook was not told");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert!(listening.asked()[0].starts_with("POST "));
        } else {
            let (_connection, _) = silent.accept().await.unwrap();
        }
        edge.end().await;
    }
}
