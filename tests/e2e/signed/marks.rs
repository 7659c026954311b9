//! What every answer says about itself: each thing once, and truly, whoever wrote it there.

use serde_json::json;
use testkit::recorder::Recorder;

use crate::answer::Answer;
use crate::edges::{self, Edge};
use crate::people::new_token;
use crate::puppet::Puppet;

async fn asked(edge: &Edge, method: &str, path: &str, token: Option<&str>) -> Answer {
    let call = edge
        .api
        .call(method, path)
        .header("x-request-id", "asked-by-a-test");
    match token {
        Some(token) => call.bearer(token),
        None => call,
    }
    .send()
    .await
}

#[track_caller]
fn says_once(answer: &Answer, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        let found: Vec<&str> = answer
            .headers
            .iter()
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(found, [*value], "{name}\n{answer}");
    }
}

#[tokio::test]
async fn answer_to_which_the_edge_has_nothing_to_add_is_handed_on_itself() {
    let edge = edges::edge().start().await;
    let token = new_token();
    for (method, token, status) in [
        ("GET", Some(token.as_str()), 200),
        ("HEAD", Some(token.as_str()), 200),
        ("GET", None, 401),
        ("DELETE", Some(token.as_str()), 405),
    ] {
        let answer = asked(&edge, method, "/v1/auth/me", token).await.expect(status);
        says_once(
            &answer,
            &[
                ("x-auth-route", "v2"),
                ("x-auth-route-reason", "new_contract"),
                ("x-request-id", "asked-by-a-test"),
                ("cache-control", "no-store"),
                // Twice if the edge added its own.
                ("vary", "Origin"),
            ],
        );
    }
    edge.end().await;
}

#[tokio::test]
async fn origin_of_an_earlier_version_says_nothing_and_the_edge_does() {
    let origin = Puppet::start().await;
    let edge = edges::edge().with("ORIGIN_URL", &origin.url).start().await;
    let token = new_token();
    for status in [200, 204, 304, 404, 500] {
        origin.answers(status);
        let answer = asked(&edge, "GET", "/v1/auth/me", Some(&token))
            .await
            .expect(status);
        says_once(
            &answer,
            &[
                ("x-auth-route", "v2"),
                ("x-auth-route-reason", "new_contract"),
                ("x-request-id", "asked-by-a-test"),
                ("cache-control", "no-store"),
                ("vary", "Origin"),
            ],
        );
    }
    edge.end().await;
}

#[tokio::test]
async fn marks_that_a_service_makes_up_are_replaced() {
    let recorder = Recorder::start().await.unwrap();
    let url = &recorder.url;
    let edge = edges::edge()
        .with("ORIGIN_URL", url)
        .with("LEGACY_AUTH_URL", url)
        .with("ROLLOUT_PERCENT", "0")
        .with(
            "UPSTREAMS",
            &json!([{ "prefix": "/api/open", "url": url, "auth": "none" }]).to_string(),
        )
        .start()
        .await;
    for (path, route, reason) in [
        ("/v1/auth/me", "v2", "new_contract"),
        ("/auth/profile", "legacy", "unidentified"),
        ("/api/open/x", "edge", "app_service"),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = asked(&edge, method, path, None).await.expect(200);
            says_once(
                &answer,
                &[
                    ("x-auth-route", route),
                    ("x-auth-route-reason", reason),
                    ("x-request-id", "asked-by-a-test"),
                    ("x-of-the-service", "kept"),
                ],
            );
        }
    }
    edge.end().await;
}
