//! A session begins, is refreshed and ends for good.

use serde_json::json;

use crate::google::{PASSWORD, World};

#[tokio::test]
async fn log_out_voids_both_tokens_but_no_new_sign_in() {
    let world = World::start().await;
    let session = world.registered("ann@example.org").await;
    let token = session["idToken"].as_str().unwrap();
    world.refresh(&session).await.expect(200);
    world.next_second().await;
    world
        .app
        .call_as("POST", "/v1/auth/logout", token, &json!({}))
        .await
        .expect(200);
    let refused = world.refresh(&session).await;
    assert_eq!((refused.status, refused.code()), (401, "TOKEN_EXPIRED"));
    assert_eq!(world.app.get("/v1/auth/me", token).await.code(), "TOKEN_REVOKED");

    let again = world.log_in("ann@example.org", PASSWORD).await.expect(200).body["data"].take();
    world.refresh(&again).await.expect(200);
    world
        .app
        .get("/v1/auth/me", again["idToken"].as_str().unwrap())
        .await
        .expect(200);
}

#[tokio::test]
async fn log_out_works_during_a_firebase_outage() {
    let world = World::start().await;
    let session = world.registered("ann@example.org").await;
    let token = session["idToken"].as_str().unwrap();
    world.next_second().await;
    world.google_will(json!({"down": true}));
    world
        .app
        .call_as("POST", "/v1/auth/logout", token, &json!({}))
        .await
        .expect(200);
    world.google_will(json!({"down": false}));
    // Firebase refreshes it; the result is a sign-in that is void here.
    let renewed = world.refresh(&session).await.expect(200);
    let token = renewed.body["data"]["idToken"].as_str().unwrap();
    assert_eq!(world.app.get("/v1/auth/me", token).await.code(), "TOKEN_REVOKED");
}

#[tokio::test]
async fn closed_account_is_gone_on_both_sides() {
    let world = World::start().await;
    let session = world.registered("ann@example.org").await;
    let token = session["idToken"].as_str().unwrap();
    world
        .app
        .call_as("DELETE", "/v1/auth/user", token, &json!({}))
        .await
        .expect(200);
    assert_eq!(world.google.accounts().len(), 0);
    world.refresh(&session).await.expect(401);
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    world.registered("ann@example.org").await;
    assert_eq!(world.app.users().await, 2);
}
