//! Which users may exchange a legacy token for an endless session.

use serde_json::json;

use crate::both_sides::{change_at_firebase, change_at_legacy, moved, until_legacy_accepts};
use crate::google::{OTHER, PASSWORD, World};
use crate::support::{Answer, legacy_token, now};

async fn exchange(world: &World, token: &str) -> Answer {
    world
        .app
        .call_as("POST", "/v1/auth/exchange", token, &json!({}))
        .await
}

/// Both sides agreed a while ago: longer than the clocks may differ.
async fn a_while_passes(world: &World) {
    world
        .app
        .database
        .execute(
            "UPDATE auth.users SET provider_data = jsonb_set(provider_data, '{password,at}', \
             to_jsonb((provider_data #>> '{password,at}')::bigint - 600))",
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn token_older_than_a_change_on_firebases_page_is_refused() {
    let world = World::start().await;
    let session = moved(&world).await;
    let id = session["user"]["id"].as_str().unwrap();
    let old = legacy_token(id, now() - 3_600);
    exchange(&world, &old).await.expect(200);
    a_while_passes(&world).await;
    change_at_firebase(&world, OTHER).await;
    assert_eq!(exchange(&world, &old).await.code(), "TOKEN_REVOKED");
    // Nor once the origin knows of the change.
    world.log_in("ann@example.org", OTHER).await.expect(200);
    until_legacy_accepts(&world, OTHER).await;
    assert_eq!(exchange(&world, &old).await.code(), "TOKEN_REVOKED");
    exchange(&world, &legacy_token(id, now() + 5)).await.expect(200);
}

#[tokio::test]
async fn token_older_than_a_change_at_the_legacy_service_is_refused() {
    let world = World::start().await;
    let session = moved(&world).await;
    let id = session["user"]["id"].as_str().unwrap();
    let old = legacy_token(id, now() - 3_600);
    change_at_legacy(&world, OTHER).await;
    assert_eq!(exchange(&world, &old).await.code(), "TOKEN_REVOKED");
    world.log_in("ann@example.org", OTHER).await.expect(200);
    assert_eq!(exchange(&world, &old).await.code(), "TOKEN_REVOKED");
    exchange(&world, &legacy_token(id, now() + 5)).await.expect(200);
}

#[tokio::test]
async fn user_with_disabled_or_missing_account_gets_no_session() {
    let world = World::start().await;
    let session = moved(&world).await;
    let (id, uid) = (
        session["user"]["id"].as_str().unwrap(),
        session["uid"].as_str().unwrap(),
    );
    let token = legacy_token(id, now() - 60);
    let firebase = &world.app.app.accounts.firebase;
    firebase.set_standing(uid, Some(true), None).await.unwrap();
    let refused = exchange(&world, &token).await;
    assert_eq!((refused.status, refused.code()), (403, "USER_DISABLED"));
    firebase.delete_account(uid).await.unwrap();
    let refused = exchange(&world, &token).await;
    assert_eq!((refused.status, refused.code()), (404, "USER_NOT_FOUND"));
    assert_eq!(
        world.google.accounts().len(),
        0,
        "a custom token would have made an account"
    );
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
}
