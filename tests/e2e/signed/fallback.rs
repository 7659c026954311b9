//! When a side fails: which side the edge asks instead, which requests it sends only once, and which it never sends to the other side.

use testkit::recorder::Recorder;

use crate::edges;
use crate::stack;
use crate::users::{legacy_draft, new_token, register_with_legacy};

/// Nothing listens on this port of this machine.
const NOBODY: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn a_legacy_token_is_answered_by_the_origin_while_the_legacy_service_is_down() {
    let edge = edges::edge().with("LEGACY_AUTH_URL", NOBODY).start().await;
    let (_, registered) = register_with_legacy().await;
    let (id, token) = (
        registered.text_at("/data/user/id"),
        registered.text_at("/data/token"),
    );
    edge.api
        .get("/auth/profile")
        .bearer(&token)
        .send()
        .await
        .expect(200)
        .came_from("v2", "fallback_unreachable")
        .has("/data/user/id", id.as_str());
    edge.api
        .post("/auth/verify-token", &serde_json::json!({ "token": token }))
        .send()
        .await
        .expect(200)
        .came_from("v2", "fallback_unreachable")
        .has("/data/valid", true);
    edge.end().await;
}

#[tokio::test]
async fn writes_are_not_sent_twice() {
    let edge = edges::edge()
        .with("LEGACY_AUTH_URL", NOBODY)
        .with("ROLLOUT_PERCENT", "0")
        .start()
        .await;
    let user =
        serde_json::json!({ "username": "ann", "email": "ann@example.com", "password": "correct horse 1" });
    let answer = edge
        .api
        .post("/auth/register", &user)
        .send()
        .await
        .refused(503, "UPSTREAM_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some(), "Retry-After\n{answer}");
    let answer = edge
        .api
        .call("PUT", "/auth/profile")
        .bearer(&legacy_draft().mint())
        .json(&serde_json::json!({ "username": "bob" }))
        .send()
        .await
        .refused(503, "UPSTREAM_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some(), "Retry-After\n{answer}");
    edge.end().await;
}

#[tokio::test]
async fn firebase_token_never_reaches_the_legacy_service() {
    // The recorder would answer 200 if the edge forwarded the token.
    let recorder = Recorder::start().await.unwrap();
    for kill_switch in ["off", "on"] {
        let edge = edges::edge()
            .with("LEGACY_AUTH_URL", &recorder.url)
            .with("ORIGIN_URL", NOBODY)
            .with("ROLLOUT_KILL_SWITCH", kill_switch)
            .start()
            .await;
        for path in ["/auth/profile", "/v1/auth/me"] {
            edge.api
                .get(path)
                .bearer(&new_token())
                .send()
                .await
                .refused(503, "UPSTREAM_UNAVAILABLE");
        }
        edge.end().await;
    }
}

#[tokio::test]
async fn answer_about_the_request_is_final() {
    // The recorder answers as the test says; the real origin would answer otherwise.
    let recorder = Recorder::start().await.unwrap();
    let edge = edges::edge()
        .with("LEGACY_AUTH_URL", &recorder.url)
        .with("ROLLOUT_PERCENT", "0")
        .start()
        .await;
    let body = serde_json::json!({ "email": "nobody@example.com", "password": "correct horse 1" });
    for status in [400, 401, 403, 409, 422, 429] {
        edge.api
            .post(&format!("/auth/login?status={status}"), &body)
            .send()
            .await
            .expect(status)
            .came_from("legacy", "not_in_cohort");
    }
    // The edge asks the other side after "not here". The other side cannot know the user either, and its answer counts.
    let answer = edge.api.post("/auth/login?status=404", &body).send().await;
    assert!(answer.header("x-auth-route-reason").is_some(), "{answer}");
    edge.end().await;
}

#[tokio::test]
async fn origin_answers_all_without_a_legacy_service() {
    let edge = edges::edge().with("LEGACY_AUTH_URL", "").start().await;
    let (_, registered) = register_with_legacy().await;
    edge.api
        .get("/auth/profile")
        .bearer(&registered.text_at("/data/token"))
        .send()
        .await
        .expect(200)
        .came_from("v2", "no_legacy_service")
        .has("/data/user/id", registered.text_at("/data/user/id"));
    stack::edge()
        .get("/auth/profile")
        .bearer(&registered.text_at("/data/token"))
        .send()
        .await
        .came_from("legacy", "token_issuer");
    edge.end().await;
}
