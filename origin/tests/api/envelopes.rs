//! The shapes of every answer.

use serde_json::json;

use crate::support::{TestApp, send, token};

#[tokio::test]
async fn failure_names_its_code_and_the_request() {
    let app = TestApp::start().await;
    let answer = send(app.request("GET", "/v1/auth/me").header("x-request-id", "mine-1"))
        .await
        .expect(401);
    assert_eq!(answer.body["success"], false);
    assert_eq!(answer.body["request_id"], "mine-1");
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert_eq!(answer.code(), "TOKEN_MISSING");
    let problem = app
        .request("GET", "/v1/auth/me")
        .header("accept", "text/html, application/problem+json;q=0.9");
    let problem = send(problem).await.expect(401);
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(problem.body["code"], "TOKEN_MISSING");
    assert_eq!(problem.body["instance"], "/v1/auth/me");
}

#[tokio::test]
async fn bad_request_id_is_replaced() {
    let app = TestApp::start().await;
    for bad in ["", "a b", &"x".repeat(65), "<script>"] {
        let answer = send(app.request("GET", "/livez").header("x-request-id", bad))
            .await
            .expect(200);
        assert_eq!(answer.header("x-request-id").map(str::len), Some(32), "{bad:?}");
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_are_refused() {
    let app = TestApp::start().await;
    let missing = send(app.request("GET", "/v1/nothing")).await;
    assert_eq!((missing.status, missing.code()), (404, "NOT_FOUND"));
    assert_eq!(
        missing.body["error"]["message"],
        "Route GET /v1/nothing not found"
    );
    let method = send(app.request("DELETE", "/v1/auth/me")).await;
    assert_eq!((method.status, method.code()), (405, "METHOD_NOT_ALLOWED"));
    assert_eq!(method.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn only_one_bearer_token_is_taken() {
    let app = TestApp::start().await;
    let token = token("uid-1", &json!({}));
    for value in [
        format!("Basic {token}"),
        token.clone(),
        "Bearer".to_owned(),
        format!("Bearer {token} {token}"),
    ] {
        let answer = send(app.request("GET", "/v1/auth/me").header("authorization", value)).await;
        assert_eq!((answer.status, answer.code()), (401, "TOKEN_MALFORMED"));
    }
    let twice = app
        .request("GET", "/v1/auth/me")
        .bearer_auth(&token)
        .bearer_auth(&token);
    assert_eq!(send(twice).await.code(), "TOKEN_MALFORMED");
}
