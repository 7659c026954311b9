//! How often Google is called: repeats only where they are harmless, with a limit, and not during a pause that Google asks for.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::google::{OTHER, PASSWORD, PATIENCE, World};

const SIGN_IN: &str = "accounts.signInWithPassword";
const CREATE: &str = "projects.accounts";

#[tokio::test]
async fn sign_in_survives_two_failures_and_no_more() {
    let world = World::start().await;
    world.registered("ann@example.org").await;
    world.google_will(json!({"forget_calls": true, "fail": {SIGN_IN: {"status": 503, "message": "UNAVAILABLE", "times": 2}}}));
    world.log_in("ann@example.org", PASSWORD).await.expect(200);
    assert_eq!(world.google.calls(SIGN_IN), 3);

    world.google_will(
        json!({"forget_calls": true, "fail": {SIGN_IN: {"status": 503, "message": "UNAVAILABLE"}}}),
    );
    world.log_in("ann@example.org", PASSWORD).await.expect(503);
    assert_eq!(world.google.calls(SIGN_IN), 3);

    world.google_will(json!({"forget_calls": true, "fail": {SIGN_IN: null}, "lose": {SIGN_IN: 1}}));
    world.log_in("ann@example.org", PASSWORD).await.expect(200);
    assert_eq!(world.google.calls(SIGN_IN), 2, "an answer was lost");

    world.google_will(json!({"forget_calls": true}));
    world.log_in("ann@example.org", OTHER).await.expect(401);
    assert_eq!(
        world.google.calls(SIGN_IN),
        1,
        "a refusal is not asked about twice"
    );
}

#[tokio::test]
async fn unrepeatable_call_is_made_once() {
    let world = World::start().await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    world.google_will(json!({"fail": {CREATE: {"status": 503, "message": "UNAVAILABLE", "times": 1}}}));
    world.post("register", &user).await.expect(503);
    assert_eq!(world.google.calls(CREATE), 1);

    world.registered("ann@example.org").await;
    world.google_will(json!({"fail": {"accounts.sendOobCode": {"status": 503, "message": "UNAVAILABLE"}}}));
    world
        .post("forgot-password", &json!({"email": "ann@example.org"}))
        .await
        .expect(200);
    world
        .until("the mail is asked for", |world| {
            world.google.calls("accounts.sendOobCode") > 0
        })
        .await;
    let reset = json!({"oobCode": "x", "newPassword": OTHER});
    world.google_will(json!({"fail": {"accounts.resetPassword": {"status": 503, "message": "UNAVAILABLE"}}}));
    world.post("reset-password", &reset).await.expect(503);
    assert_eq!(world.google.calls("accounts.resetPassword"), 1);
    assert_eq!(world.google.calls("accounts.sendOobCode"), 1);
}

#[tokio::test]
async fn pause_that_google_asks_for_is_kept() {
    let world = World::start().await;
    let session = world.registered("ann@example.org").await;
    let exhausted = json!({"status": 429, "message": "RESOURCE_EXHAUSTED", "times": 1, "retry_after": 60});
    world.google_will(json!({"forget_calls": true, "fail": {SIGN_IN: exhausted}}));
    let refused = world.log_in("ann@example.org", PASSWORD).await.expect(503);
    assert_eq!(
        (refused.code(), refused.header("retry-after")),
        ("FIREBASE_UNAVAILABLE", Some("60"))
    );
    for _ in 0..20 {
        world.log_in("ann@example.org", PASSWORD).await.expect(503);
    }
    assert_eq!(world.google.calls(SIGN_IN), 1, "nobody asked again");
    world.refresh(&session).await.expect(200);
}

#[tokio::test]
async fn pause_that_google_asks_for_ends() {
    let world = World::start().await;
    world.registered("ann@example.org").await;
    let exhausted = json!({"status": 429, "message": "RESOURCE_EXHAUSTED", "times": 1, "retry_after": 1});
    world.google_will(json!({"forget_calls": true, "fail": {SIGN_IN: exhausted}}));
    let began = Instant::now();
    world.log_in("ann@example.org", PASSWORD).await.expect(503);
    while world.log_in("ann@example.org", PASSWORD).await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "the pause does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(world.google.calls(SIGN_IN), 2);
}

#[tokio::test]
async fn used_up_quota_is_our_outage_not_the_users_fault() {
    let world = World::start().await;
    world.google_will(json!({"quota": {SIGN_IN: {"calls": 1, "per_ms": 3_600_000}}}));
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    let refused = world.log_in("ann@example.org", PASSWORD).await;
    assert_eq!((refused.status, refused.code()), (503, "FIREBASE_UNAVAILABLE"));
}
