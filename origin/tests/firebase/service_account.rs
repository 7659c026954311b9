//! The service account's access token: fetched once, renewed early, replaced after a refusal.

use firebase::FirebaseError;
use serde_json::json;
use shared::ids::FirebaseUid;

use crate::google::World;

const GRANT: &str = "oauth2.token";

async fn look_up(world: &World) -> Result<bool, FirebaseError> {
    let uid = FirebaseUid::parse("nobody").unwrap();
    let found = world.app.app.accounts.firebase.find_account(&uid).await;
    found.map(|account| account.is_none())
}

#[tokio::test]
async fn hundred_concurrent_calls_fetch_one_token() {
    let world = World::start().await;
    world.google_will(json!({"latency_ms": 100}));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let firebase = world.app.app.accounts.firebase.clone();
            let uid = FirebaseUid::parse("nobody").unwrap();
            tokio::spawn(async move { firebase.find_account(&uid).await })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap().unwrap().is_none());
    }
    assert_eq!(world.google.calls(GRANT), 1);
    assert_eq!(world.google.calls("projects.accounts.lookup"), 100);
}

#[tokio::test]
async fn token_is_renewed_before_it_ends_and_kept_when_that_fails() {
    let world = World::start().await;
    // Its life is shorter than the time of early renewal: it is due from the start.
    world.google_will(json!({"access_token_seconds": 200}));
    look_up(&world).await.unwrap();
    world.google_will(json!({"fail": {GRANT: {"status": 500, "message": "INTERNAL", "times": 1}}}));
    look_up(&world).await.unwrap();
    assert_eq!(world.google.calls(GRANT), 2, "renewing was tried");
    world.google_will(json!({"access_token_seconds": 3_600}));
    look_up(&world).await.unwrap();
    look_up(&world).await.unwrap();
    assert_eq!(world.google.calls(GRANT), 3, "renewed once, then good for long");
}

#[tokio::test]
async fn voided_token_is_replaced_at_once() {
    let world = World::start().await;
    look_up(&world).await.unwrap();
    world.google_will(json!({"forget_access_tokens": true}));
    look_up(&world).await.unwrap();
    assert_eq!(world.google.calls(GRANT), 2);
}

#[tokio::test]
async fn unknown_service_account_is_our_fault() {
    let world = World::start().await;
    world.google_will(json!({"fail": {GRANT: {"status": 400, "message": "invalid_grant"}}}));
    assert!(matches!(
        look_up(&world).await,
        Err(FirebaseError::OurCredentials { status: 400, .. })
    ));
    let user = json!({"email": "ann@example.org", "password": "correct-horse_1"});
    let refused = world.post("register", &user).await;
    assert_eq!((refused.status, refused.code()), (503, "FIREBASE_UNAVAILABLE"));
}
