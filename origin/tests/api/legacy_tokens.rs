//! The legacy contract's credentials, verify-token and token balance.

use serde_json::json;

use crate::support::{SERVICE_KEY, TestApp, legacy_token, now, send, token, with_json};

#[tokio::test]
async fn credential_that_fails_has_the_old_code() {
    let app = TestApp::start().await;
    let expired = token(
        "uid-1",
        &json!({"iat": now() - 7200, "auth_time": now() - 7200, "exp": now() - 3600}),
    );
    let stranger = legacy_token("3f2504e0-4f89-41d3-9a0c-0305e82c3301", now() - 10);
    for path in ["/auth/profile", "/auth/token-balance", "/auth/schools"] {
        for (token, code) in [
            ("garbage", "INVALID_TOKEN"),
            (&expired, "TOKEN_EXPIRED"),
            (&stranger, "USER_NOT_FOUND"),
        ] {
            let answer = app.get(path, token).await;
            assert_eq!((answer.status, answer.code()), (401, code), "{path}");
            assert!(answer.header("www-authenticate").is_some(), "{path} {code}");
        }
        assert_eq!(send(app.request("GET", path)).await.code(), "UNAUTHORIZED");
    }
    assert_eq!(
        send(app.request("POST", "/auth/logout")).await.code(),
        "UNAUTHORIZED"
    );
}

#[tokio::test]
async fn bad_token_is_an_answer_and_not_a_failure() {
    let app = TestApp::start().await;
    let good = token("uid-1", &json!({"email": "a@b.de", "email_verified": true}));
    let answer = app
        .call("POST", "/auth/verify-token", &json!({"token": good}))
        .await
        .expect(200);
    assert_eq!(answer.body["data"]["valid"], true);
    for field in [
        "id",
        "email",
        "username",
        "user_type",
        "is_active",
        "token_balance",
        "firebase_uid",
        "auth_provider",
    ] {
        assert!(answer.body["data"]["user"].get(field).is_some(), "{field}");
    }
    let expired = token(
        "uid-1",
        &json!({"iat": now() - 7200, "auth_time": now() - 7200, "exp": now() - 3600}),
    );
    let stranger = legacy_token("3f2504e0-4f89-41d3-9a0c-0305e82c3301", now() - 10);
    for (token, error) in [
        ("garbage", "Invalid token"),
        (&expired, "Token has expired"),
        (&stranger, "User not found"),
    ] {
        let answer = app
            .call("POST", "/auth/verify-token", &json!({"token": token}))
            .await
            .expect(200);
        assert_eq!(answer.body["success"], true);
        assert_eq!(answer.body["data"], json!({"valid": false, "error": error}));
    }
    app.database
        .execute("UPDATE auth.users SET is_active = false")
        .await
        .unwrap();
    let answer = app
        .call("POST", "/auth/verify-token", &json!({"token": good}))
        .await
        .expect(200);
    assert_eq!(
        answer.body["data"],
        json!({"valid": false, "error": "User account is inactive"})
    );
    assert_eq!(
        app.call("POST", "/auth/verify-token", &json!({})).await.status,
        400
    );
}

#[tokio::test]
async fn outage_is_no_verdict() {
    let app = TestApp::start_with(&[
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing"),
        ("DB_POOL_ACQUIRE_MS", "200"),
    ])
    .await;
    let good = token("uid-1", &json!({}));
    let answer = app
        .call("POST", "/auth/verify-token", &json!({"token": good}))
        .await;
    assert_eq!((answer.status, answer.code()), (503, "DATABASE_UNAVAILABLE"));
    let answer = app.get("/auth/profile", &good).await;
    assert_eq!((answer.status, answer.code()), (503, "DATABASE_UNAVAILABLE"));
}

#[tokio::test]
async fn balance_changes_through_the_ledger() {
    let app = TestApp::start().await;
    let id = app.legacy_user("ada@example.org").await;
    let change =
        |amount: i64, operation: &str| json!({"userId": id, "amount": amount, "operation": operation});
    let put = |body: serde_json::Value| {
        let app = &app;
        async move {
            app.call_with_key("PUT", "/auth/token-balance", SERVICE_KEY, &body)
                .await
        }
    };
    let added = put(change(5, "add")).await.expect(200);
    assert_eq!(added.body["message"], "Token balance updated");
    assert_eq!(added.body["data"], json!({"user_id": id, "new_balance": 12}));
    assert_eq!(
        put(change(2, "subtract")).await.expect(200).body["data"]["new_balance"],
        10
    );
    assert_eq!(
        put(change(0, "subtract")).await.expect(200).body["data"]["new_balance"],
        10
    );
    for (body, status, code) in [
        (change(11, "subtract"), 400, "INSUFFICIENT_TOKENS"),
        (change(-5, "subtract"), 400, "VALIDATION_ERROR"),
        (change(5, "set"), 400, "VALIDATION_ERROR"),
        (change(i64::from(i32::MAX), "add"), 422, "BALANCE_OVERFLOW"),
        (
            json!({"userId": "x", "amount": 1, "operation": "add"}),
            400,
            "VALIDATION_ERROR",
        ),
        (
            json!({"userId": id, "amount": 1.5, "operation": "add"}),
            400,
            "VALIDATION_ERROR",
        ),
        (
            json!({"userId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "amount": 1, "operation": "add"}),
            404,
            "USER_NOT_FOUND",
        ),
        (
            json!({"userId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "amount": 0, "operation": "add"}),
            404,
            "USER_NOT_FOUND",
        ),
    ] {
        let refused = put(body.clone()).await;
        assert_eq!((refused.status, refused.code()), (status, code), "{body}");
    }
    let keyless = app.call("PUT", "/auth/token-balance", &change(5, "add")).await;
    assert_eq!((keyless.status, keyless.code()), (401, "UNAUTHORIZED"));
    // With a key of its own a change happens once.
    for _ in 0..3 {
        let request = app
            .request("PUT", "/auth/token-balance")
            .header("x-service-key", SERVICE_KEY);
        let request = with_json(request.header("idempotency-key", "job-1"), &change(1, "add"));
        assert_eq!(send(request).await.expect(200).body["data"]["new_balance"], 11);
    }
    let shown = app
        .get("/auth/token-balance", &legacy_token(&id, now() - 10))
        .await
        .expect(200);
    assert_eq!(shown.body["data"], json!({"user_id": id, "token_balance": 11}));
    assert_eq!(app.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn legacy_log_out_revokes_nothing() {
    let app = TestApp::start().await;
    let token = token("uid-1", &json!({}));
    let answer = app
        .call_as("POST", "/auth/logout", &token, &json!({}))
        .await
        .expect(200);
    assert_eq!(answer.body["message"], "Logout successful");
    app.get("/auth/token-balance", &token).await.expect(200);
}
