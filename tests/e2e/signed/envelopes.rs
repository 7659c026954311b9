//! The shape of failures, from whichever program they come.

use serde_json::{Value, json};

use crate::edges;
use crate::stack;
use crate::users::new_token;

/// Nothing listens on this port of this machine.
const NOBODY: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn failure_has_the_envelope_of_old_clients() {
    // The edge makes the first, the origin the second.
    for path in ["/nowhere", "/v1/nowhere"] {
        let answer = stack::edge()
            .get(path)
            .header("x-request-id", "my-request")
            .send()
            .await
            .refused(404, "NOT_FOUND")
            .marked()
            .has("/success", false)
            .has("/request_id", "my-request")
            .has_header("x-request-id", "my-request");
        assert_eq!(answer.at("/message"), answer.at("/error/message"), "{answer}");
        assert!(answer.text_at("/timestamp").ends_with('Z'), "{answer}");
        assert!(
            answer
                .header("content-type")
                .is_some_and(|media| media.starts_with("application/json")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn failure_is_a_problem_document_on_request() {
    for (path, status, code) in [
        ("/nowhere", 404, "NOT_FOUND"),
        ("/v1/nowhere", 404, "NOT_FOUND"),
        ("/v1/auth/me", 401, "TOKEN_MISSING"),
    ] {
        let answer = stack::edge()
            .get(path)
            .header("accept", "application/problem+json, application/json;q=0.5")
            .header("x-request-id", "my-request")
            .send()
            .await
            .expect(status)
            .marked()
            .has_header("content-type", "application/problem+json")
            .has("/type", "about:blank")
            .has("/status", status)
            .has("/code", code)
            .has("/instance", path)
            .has("/request_id", "my-request");
        assert!(
            answer.at("/title").is_string() && answer.at("/detail").is_string(),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn outage_has_retry_after() {
    let alone = edges::edge().with("ORIGIN_URL", NOBODY).start().await;
    for path in ["/v1/auth/me", "/api/auth/v2/profile"] {
        let answer = alone
            .api
            .get(path)
            .bearer(&new_token())
            .send()
            .await
            .refused(503, "UPSTREAM_UNAVAILABLE")
            .marked()
            .lacks_header("www-authenticate");
        let seconds = answer
            .header("retry-after")
            .and_then(|value| value.parse::<u32>().ok());
        assert!(
            seconds.is_some_and(|seconds| seconds > 0),
            "Retry-After\n{answer}"
        );
    }
    alone.end().await;
}

#[tokio::test]
async fn bad_variable_is_named_and_stops_every_answer() {
    let bad = edges::edge()
        .with("ORIGIN_URL", "not an address, but a secret")
        .with("CLOCK_SKEW_SECONDS", "3600")
        .start()
        .await;
    for path in ["/v1/auth/me", "/auth/login", "/readyz", "/nowhere"] {
        let answer = bad
            .api
            .get(path)
            .bearer(&new_token())
            .send()
            .await
            .refused(503, "CONFIG_INVALID")
            .came_from("edge", "config_invalid");
        let details = answer.at("/error/details");
        let named: Vec<&str> = details
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(named, ["CLOCK_SKEW_SECONDS", "ORIGIN_URL"], "{answer}");
        assert!(!answer.text.contains("a secret"), "{answer}");
        assert!(answer.header("retry-after").is_some(), "{answer}");
    }
    bad.api.get("/livez").send().await.expect(200);
    bad.end().await;
}

#[tokio::test]
async fn invalid_body_is_refused_field_by_field() {
    let answer = stack::edge()
        .post(
            "/v1/auth/register",
            &json!({ "email": "nobody", "password": "short" }),
        )
        .send()
        .await
        .refused(400, "VALIDATION_ERROR")
        .marked();
    let details = answer
        .at("/error/details")
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert!(details.len() >= 2, "one line a field\n{answer}");
    assert!(
        !answer.text.contains("short\""),
        "the password is repeated\n{answer}"
    );
}
