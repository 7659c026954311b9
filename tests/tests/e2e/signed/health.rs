//! What the edge and the origin say about themselves.

use crate::edges;
use crate::people::register_with_legacy;
use crate::stack;

#[tokio::test]
async fn the_edge_says_that_it_runs_and_that_it_is_ready() {
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
async fn readiness_tells_the_age_of_the_keys() {
    let answer = stack::edge().get("/readyz").send().await.expect(200);
    let keys = answer.at("/keys");
    let rings = keys.as_object().cloned().unwrap_or_default();
    assert_eq!(rings.len(), 1, "one key ring\n{answer}");
    for ring in rings.values() {
        assert_eq!(ring["keys"], 1, "{answer}");
        assert!(
            ring["age_seconds"].as_i64().is_some_and(|age| age >= 0),
            "{answer}"
        );
        let left = ring["expires_in_seconds"].as_i64();
        assert!(left.is_some_and(|left| (1..=3_600).contains(&left)), "{answer}");
        assert!(ring["last_error"].is_null(), "{answer}");
    }
}

#[tokio::test]
async fn a_rollout_that_cannot_be_read_is_not_ready_and_moves_nobody() {
    let bad = edges::edge().with("ROLLOUT_PERCENT", "fifty").start().await;
    bad.api
        .get("/readyz")
        .send()
        .await
        .refused(503, "CONFIG_INVALID")
        .has("/error/details/0", "ROLLOUT_PERCENT");
    bad.api.get("/livez").send().await.expect(200);
    let (person, _) = register_with_legacy().await;
    bad.api
        .post("/auth/login", &person)
        .send()
        .await
        .expect(200)
        .came_from("legacy", "config_invalid");
    bad.end().await;
}

#[tokio::test]
async fn the_origin_is_ready() {
    let origin = stack::origin();
    origin.get("/livez").send().await.expect(200);
    origin.get("/readyz").send().await.expect(200);
}
