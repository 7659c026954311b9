//! Users who may no longer act.

use serde_json::json;

use crate::support::{TestApp, legacy_token, now, token};

#[tokio::test]
async fn deactivated_user_is_refused_at_once_on_every_route() {
    let app = TestApp::start().await;
    let token = token("uid-1", &json!({}));
    app.get("/v1/auth/me", &token).await.expect(200);
    app.database
        .execute("UPDATE auth.users SET is_active = false")
        .await
        .unwrap();
    for path in ["/v1/auth/me", "/v1/tokens/balance"] {
        let refused = app.get(path, &token).await;
        assert_eq!((refused.status, refused.code()), (403, "USER_DISABLED"), "{path}");
    }
    let refused = app
        .call("POST", "/v1/auth/verify-token", &json!({"token": token}))
        .await;
    assert_eq!((refused.status, refused.code()), (403, "USER_DISABLED"));
}

#[tokio::test]
async fn sign_in_before_the_revocation_is_void() {
    let app = TestApp::start().await;
    let signed_in = now() - 100;
    let at = |auth_time: i64| token("uid-1", &json!({"auth_time": auth_time}));
    app.get("/v1/auth/me", &at(signed_in)).await.expect(200);
    app.database
        .execute(&format!(
            "UPDATE auth.users SET valid_since = to_timestamp({})",
            signed_in + 10
        ))
        .await
        .unwrap();
    let refused = app.get("/v1/auth/me", &at(signed_in)).await;
    assert_eq!((refused.status, refused.code()), (401, "TOKEN_REVOKED"));
    assert!(
        refused
            .header("www-authenticate")
            .unwrap()
            .starts_with("Bearer error=\"invalid_token\"")
    );
    app.get("/v1/auth/me", &at(signed_in + 9)).await.expect(401);
    app.get("/v1/auth/me", &at(signed_in + 10)).await.expect(200);
}

#[tokio::test]
async fn legacy_token_names_its_row_and_never_makes_one() {
    let app = TestApp::start().await;
    let id = app.legacy_user("ada@example.org").await;
    let token = legacy_token(&id, now() - 10);
    let me = app.get("/v1/auth/me", &token).await.expect(200);
    assert_eq!(me.body["data"]["user"]["id"], *id);
    let verified = app
        .call("POST", "/v1/token/verify", &json!({"token": token}))
        .await
        .expect(200);
    assert_eq!(verified.body["data"]["token_kind"], "legacy");
    let stranger = legacy_token("3f2504e0-4f89-41d3-9a0c-0305e82c3301", now() - 10);
    let refused = app.get("/v1/auth/me", &stranger).await;
    assert_eq!((refused.status, refused.code()), (404, "USER_NOT_FOUND"));
    app.database
        .execute("UPDATE auth.users SET valid_since = now()")
        .await
        .unwrap();
    assert_eq!(app.get("/v1/auth/me", &token).await.code(), "TOKEN_REVOKED");
    assert_eq!(app.users().await, 1);
}
