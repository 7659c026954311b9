//! What the edge and the origin report about themselves.

use serde_json::json;

use crate::answer::Answer;
use crate::api::Api;
use crate::edges;
use crate::stack;
use crate::users::{new_token, register_with_legacy};

#[tokio::test]
async fn edge_reports_live_and_ready() {
    let edge = stack::edge();
    edge.get("/livez")
        .send()
        .await
        .expect(200)
        .came_from("edge", "own")
        .has("/status", "ok");
    for (path, status) in [
        ("/readyz", "ready"),
        ("/health", "healthy"),
        ("/api/health", "healthy"),
    ] {
        let answer = edge
            .get(path)
            .send()
            .await
            .expect(200)
            .came_from("edge", "own")
            .has_header("cache-control", "no-store")
            .has("/status", status)
            .has("/rollout/kill_switch", false);
        assert!(answer.at("/version").is_string(), "{answer}");
    }
}

#[tokio::test]
async fn readiness_shows_the_age_of_the_keys() {
    let answer = stack::edge().get("/readyz").send().await.expect(200);
    let keys = answer.at("/keys");
    let rings = keys.as_object().cloned().unwrap_or_default();
    assert_eq!(rings.len(), 2, "ID tokens and session cookies\n{answer}");
    for ring in rings.values() {
        assert_eq!(ring["keys"], 1, "{answer}");
        assert!(
            ring["age_seconds"].as_i64().is_some_and(|age| age >= 0),
            "{answer}"
        );
        let left = ring["expires_in_seconds"].as_i64();
        assert!(left.is_some_and(|left| (0..=3_600).contains(&left)), "{answer}");
        assert!(ring["last_error"].is_null(), "{answer}");
    }
}

#[tokio::test]
async fn unreadable_rollout_is_not_ready_and_moves_no_user() {
    let bad = edges::edge().with("ROLLOUT_PERCENT", "fifty").start().await;
    bad.api
        .get("/readyz")
        .send()
        .await
        .refused(503, "CONFIG_INVALID")
        .has("/error/details/0", "ROLLOUT_PERCENT");
    bad.api.get("/livez").send().await.expect(200);
    let (user, _) = register_with_legacy().await;
    bad.api
        .post("/auth/login", &user)
        .send()
        .await
        .expect(200)
        .came_from("legacy", "config_invalid");
    bad.end().await;
}

const PLAIN_KEY: &str = "plain-service-key-0123456789abcdef";
const ADMIN_KEY: &str = "admin-service-key-0123456789abcdef";

fn with_keys() -> edges::Wanted {
    let keys = format!("archive:{PLAIN_KEY},operators:{ADMIN_KEY}:admin");
    edges::edge().with("INTERNAL_SERVICE_KEYS", &keys)
}

async fn examined(edge: &Api, key: &str) -> Answer {
    edge.get("/readyz?verbose")
        .header("x-service-key", key)
        .send()
        .await
}

#[tokio::test]
async fn operator_sees_configuration_and_upstreams() {
    let edge = with_keys()
        .with("ROLLOUT_FORCE_LEGACY", "ada@example.com,@example.org")
        .start()
        .await;
    edge.api.me(&new_token()).await.expect(200);
    let answer = examined(&edge.api, ADMIN_KEY)
        .await
        .expect(200)
        .came_from("edge", "own");
    let answer = answer
        .has("/status", "ready")
        .has("/upstreams/origin/answers", true)
        .has("/upstreams/origin/status", 200)
        .has("/upstreams/legacy/answers", true)
        .has("/origin_checks/database", "ok")
        .has("/origin_checks/schema", "ok")
        .has("/breakers/origin", "closed")
        .has("/step_down/watched", false)
        .has("/step_down/stepped_down", false)
        .has("/bindings/TELEMETRY", false)
        .has("/bindings/LIMIT_LOGIN", false)
        .has("/bindings/CF_VERSION_METADATA", true)
        .has("/differs_from_origin", json!([]))
        .has("/configuration/ORIGIN_URL", stack::variable("E2E_ORIGIN"))
        .has("/configuration/ROLLOUT_FORCE_LEGACY/entries", 2)
        .has(
            "/configuration/INTERNAL_SERVICE_KEYS/services/1",
            "operators:admin",
        );
    assert!(answer.at("/upstreams/origin/version").is_string(), "{answer}");
    for side in ["origin", "legacy"] {
        let at = |name: &str| answer.at(&format!("/upstreams/{side}/{name}")).as_i64();
        assert!(at("latency_ms").is_some_and(|ms| ms >= 0), "{answer}");
        assert!(
            at("clock_ahead_seconds").is_some_and(|s| s.abs() <= 1),
            "{answer}"
        );
    }
    let keys = stack::variable("E2E_ASSERTION_KEYS");
    let secrets = [
        PLAIN_KEY,
        ADMIN_KEY,
        keys.split(':').nth(1).unwrap(),
        &stack::variable("E2E_LEGACY_SECRET"),
        "ada@",
    ];
    for secret in secrets {
        assert!(!answer.text.contains(secret), "a secret is shown\n{answer}");
    }
    edge.end().await;
}

#[tokio::test]
async fn operator_sees_variables_that_differ_from_the_origin() {
    let edge = with_keys()
        .with("CLOCK_SKEW_SECONDS", "7")
        .with("LEGACY_TOKENS_ACCEPTED_UNTIL", "2099-01-31T00:00:00Z")
        .start()
        .await;
    let differing = json!(["CLOCK_SKEW_SECONDS", "LEGACY_TOKENS_ACCEPTED_UNTIL"]);
    examined(&edge.api, ADMIN_KEY)
        .await
        .expect(200)
        .has("/differs_from_origin", differing)
        .has("/accepts/CLOCK_SKEW_SECONDS", 7);
    edge.end().await;
}

#[tokio::test]
async fn other_callers_see_the_short_answer() {
    let edge = with_keys().start().await;
    let names = |answer: &Answer| {
        answer
            .json()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let short = names(&edge.api.get("/readyz").send().await.expect(200));
    for key in ["", PLAIN_KEY, "a-stranger-s-key-0123456789abcdef"] {
        let answer = examined(&edge.api, key).await.expect(200);
        assert_eq!(names(&answer), short, "{answer}");
    }
    let unasked = edge.api.get("/readyz").header("x-service-key", ADMIN_KEY);
    assert_eq!(names(&unasked.send().await.expect(200)), short);
    edge.end().await;
}

#[tokio::test]
async fn operator_sees_silent_upstreams_and_bad_variables() {
    let edge = with_keys()
        .with("ORIGIN_URL", "http://127.0.0.1:9")
        .with("ROLLOUT_PERCENT", "fifty")
        .start()
        .await;
    examined(&edge.api, ADMIN_KEY)
        .await
        .expect(503)
        .has("/status", "not ready")
        .has("/fault/code", "CONFIG_INVALID")
        .has("/fault/details/0", "ROLLOUT_PERCENT")
        .has("/upstreams/origin/answers", false)
        .has("/upstreams/origin/fault", "unreachable")
        .has("/upstreams/legacy/answers", true);
    edge.end().await;
}

#[tokio::test]
async fn the_origin_is_ready() {
    let origin = stack::origin();
    origin.get("/livez").send().await.expect(200);
    origin.get("/readyz").send().await.expect(200);
}
