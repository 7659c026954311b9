//! The edge refuses input that is too large by its own code, before it costs anything.

use serde_json::json;

use crate::stack;
use crate::users::{id_token, new_token, stranger};

#[tokio::test]
async fn a_body_over_64_kib_is_413_on_either_contract() {
    let edge = stack::edge();
    let long = "x".repeat(70 * 1024);
    edge.post("/v1/auth/verify-token", &json!({ "token": long }))
        .send()
        .await
        .refused(413, "PAYLOAD_TOO_LARGE")
        .marked();
    edge.call("PATCH", "/v1/auth/profile")
        .bearer(&new_token())
        .json(&json!({ "displayName": long }))
        .send()
        .await
        .refused(413, "PAYLOAD_TOO_LARGE")
        .marked();
}

#[tokio::test]
async fn a_token_over_8_kib_is_refused_by_its_length() {
    let draft = id_token(&stranger());
    let long = draft
        .claim("picture", format!("https://example.com/{}", "x".repeat(8 * 1024)))
        .mint();
    let answer = stack::edge()
        .me(&long)
        .await
        .refused(401, "TOKEN_MALFORMED")
        .marked();
    assert!(
        answer.header("x-auth-route-reason") == Some("too_long"),
        "{answer}"
    );
    stack::edge()
        .post("/v1/auth/verify-token", &json!({ "token": long }))
        .send()
        .await
        .refused(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_body_that_is_no_json_is_the_callers_fault() {
    for (media, body, status) in [
        ("application/json", "{", 400),
        ("application/json", "[]", 400),
        ("application/json", "", 400),
        ("text/plain", "hello", 415),
    ] {
        let answer = stack::edge()
            .call("POST", "/v1/auth/verify-token")
            .header("content-type", media)
            .body(body)
            .send()
            .await
            .expect(status)
            .marked();
        assert!(answer.at("/error/code").is_string(), "{answer}");
    }
}
