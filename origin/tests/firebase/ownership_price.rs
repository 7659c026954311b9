//! The effects of a proven address on an honest user.

use serde_json::{Value, json};

use crate::google::{OTHER, PASSWORD, World};
use crate::support::legacy_token;

const ADDRESS: &str = "ann@example.org";

async fn confirm(world: &World, token: &str, password: &str) -> crate::support::Answer {
    world
        .app
        .call_as(
            "POST",
            "/v1/auth/confirm-password",
            token,
            &json!({"password": password}),
        )
        .await
}

#[tokio::test]
async fn clicked_verification_of_the_same_password_account_ends_nothing() {
    let world = World::start().await;
    let id = world.local(ADDRESS, PASSWORD, 4).await;
    let session: Value = world.log_in(ADDRESS, PASSWORD).await.expect(200).body["data"].take();
    let legacy = legacy_token(&id, crate::support::now());
    world.next_second().await;
    world.google.click_verification(&id);
    // A refresh of the session brings the proof to the row.
    let renewed = world.refresh(&session).await.expect(200);
    let me = world
        .me(renewed.body["data"]["idToken"].as_str().unwrap())
        .await
        .expect(200);
    assert_eq!(me.body["data"]["user"]["email_verified"], true);
    world.me(session["idToken"].as_str().unwrap()).await.expect(200);
    world.me(&legacy).await.expect(200);
    world.log_in(ADDRESS, PASSWORD).await.expect(200);
    assert!(world.legacy_lets_in(&id, PASSWORD).await);
    assert_eq!(world.events(&id, "ownership.changed").await, 0);
}

#[tokio::test]
async fn old_password_counts_again_once_its_user_confirms_it_after_signing_in() {
    let world = World::start().await;
    let id = world.local(ADDRESS, PASSWORD, 4).await;
    let before = legacy_token(&id, crate::support::now());
    world.next_second().await;
    let (_, token) = world.google.sign_in_with_google(ADDRESS);
    world.me(&token).await.expect(200);
    assert!(!world.legacy_lets_in(&id, PASSWORD).await);
    world.log_in(ADDRESS, PASSWORD).await.expect(401);
    assert_eq!(confirm(&world, &token, OTHER).await.status, 401);
    let session = confirm(&world, &token, PASSWORD).await.expect(200);
    assert_eq!(session.body["data"]["user"]["id"], id.as_str());
    assert!(world.legacy_lets_in(&id, PASSWORD).await);
    world.log_in(ADDRESS, PASSWORD).await.expect(200);
    assert_eq!(world.me(&before).await.code(), "TOKEN_REVOKED");
    assert_eq!(world.events(&id, "password.confirmed").await, 1);
    assert_eq!(
        confirm(
            &world,
            session.body["data"]["idToken"].as_str().unwrap(),
            PASSWORD
        )
        .await
        .status,
        401
    );
}

#[tokio::test]
async fn password_is_not_confirmed_by_a_token_that_proves_nothing() {
    let world = World::start().await;
    let session = world.registered(ADDRESS).await;
    let refused = confirm(&world, session["idToken"].as_str().unwrap(), PASSWORD).await;
    assert_eq!((refused.status, refused.code()), (401, "TOKEN_REVOKED"));
    let id = world.local("bob@example.org", PASSWORD, 4).await;
    let refused = confirm(&world, &legacy_token(&id, crate::support::now()), PASSWORD).await;
    assert_eq!((refused.status, refused.code()), (401, "TOKEN_REVOKED"));
}

#[tokio::test]
async fn mailed_reset_makes_the_new_password_the_only_one() {
    let world = World::start().await;
    let id = world.local(ADDRESS, PASSWORD, 4).await;
    let before = legacy_token(&id, crate::support::now());
    let session: Value = world.log_in(ADDRESS, PASSWORD).await.expect(200).body["data"].take();
    world.next_second().await;
    let code = world.mailed_code(ADDRESS).await;
    world
        .post("reset-password", &json!({"oobCode": code, "newPassword": OTHER}))
        .await
        .expect(200);
    for token in [before.as_str(), session["idToken"].as_str().unwrap()] {
        assert_eq!(world.me(token).await.code(), "TOKEN_REVOKED");
    }
    assert!(world.legacy_lets_in(&id, OTHER).await && !world.legacy_lets_in(&id, PASSWORD).await);
    let me = world.log_in(ADDRESS, OTHER).await.expect(200);
    assert_eq!(me.body["data"]["user"]["email_verified"], true);
    assert_eq!(world.events(&id, "ownership.changed").await, 1);
}

#[tokio::test]
async fn reset_on_firebases_page_sets_the_old_password_aside_at_the_next_sign_in() {
    let world = World::start().await;
    let id = world.local(ADDRESS, PASSWORD, 4).await;
    world.log_in(ADDRESS, PASSWORD).await.expect(200);
    let before = legacy_token(&id, crate::support::now());
    for _ in 0..2 {
        world.next_second().await;
    }
    let code = world.mailed_code(ADDRESS).await;
    let firebase = &world.app.app.accounts.firebase;
    firebase.reset_password(&code, OTHER).await.unwrap();
    world.log_in(ADDRESS, OTHER).await.expect(200);
    assert_eq!(world.me(&before).await.code(), "TOKEN_REVOKED");
    assert!(!world.legacy_lets_in(&id, PASSWORD).await);
    assert_eq!(world.events(&id, "ownership.changed").await, 1);
}
