//! A right old password never locks its owner out, under any password policy of the project.

use serde_json::json;

use crate::google::{OTHER, PASSWORD, World};

const EMAIL: &str = "ann@example.org";
/// Accepted for years by the legacy service.
const WEAK: &str = "weak-horse_1";

#[tokio::test]
async fn weak_old_password_moves_by_its_hash() {
    let world = World::start().await;
    world.google_will(json!({"policy": {"shortest": 20, "upper": true}}));
    let id = world.local(EMAIL, WEAK, 4).await;
    let session = world.log_in(EMAIL, WEAK).await.expect(200);
    assert_eq!(session.body["data"]["uid"], *id);
    assert_eq!(world.link().await, format!("{id} hybrid"));
    assert_eq!(
        world.google.calls("projects.accounts"),
        0,
        "the password itself was sent"
    );
    assert_eq!(world.google.calls("projects.accounts.update"), 0);
    world.log_in(EMAIL, WEAK).await.expect(200);
}

#[tokio::test]
async fn policy_that_refuses_old_passwords_leaves_the_user_at_legacy() {
    let world = World::start().await;
    world.google_will(json!({"policy": {"shortest": 20, "force_upgrade": true}}));
    let id = world.local(EMAIL, WEAK, 4).await;
    for _ in 0..2 {
        let refused = world.log_in(EMAIL, WEAK).await;
        // This answer makes the edge ask the legacy service, which knows the password.
        assert_eq!((refused.status, refused.code()), (409, "ACCOUNT_LINK_CONFLICT"));
    }
    assert!(world.legacy_accepts(WEAK).await);
    assert_eq!(reset_needed(&world, &id).await, "RESET_NEEDED");
    assert_eq!(world.log_in(EMAIL, "wrong-horse_9").await.status, 401);
    // The mail repairs it.
    let code = world.mailed_code(EMAIL).await;
    let better = "a-much-longer-horse_1";
    world
        .post("reset-password", &json!({"oobCode": code, "newPassword": better}))
        .await
        .expect(200);
    world.log_in(EMAIL, better).await.expect(200);
}

#[tokio::test]
async fn hash_that_google_cannot_read_is_never_sent() {
    let world = World::start().await;
    // The prefix of an old faulty implementation: bcrypt checks the hash like its own, and Firebase does not know it.
    let hash = bcrypt::hash(WEAK, 4).unwrap().replacen("$2b$", "$2x$", 1);
    let id = world.local_with_hash(EMAIL, &hash).await;
    world.google_will(json!({"policy": {"shortest": 20}}));
    let refused = world.log_in(EMAIL, WEAK).await;
    assert_eq!((refused.status, refused.code()), (409, "ACCOUNT_LINK_CONFLICT"));
    assert_eq!(reset_needed(&world, &id).await, "RESET_NEEDED");
    // The mail is the remedy: the account is made without a password, and the proof of the address links the row.
    let code = world.mailed_code(EMAIL).await;
    let better = "a-much-longer-horse_1";
    world
        .post("reset-password", &json!({"oobCode": code, "newPassword": better}))
        .await
        .expect(200);
    let session = world.log_in(EMAIL, better).await.expect(200);
    assert_eq!(session.body["data"]["user"]["id"], *id);
    assert_eq!(world.google.calls("projects.accounts.batchCreate"), 0);
}

#[tokio::test]
async fn account_of_an_interrupted_attempt_gets_the_current_hash() {
    let world = World::start().await;
    let id = world.local(EMAIL, WEAK, 4).await;
    world.google_will(json!({"policy": {"shortest": 20}, "lose": {"projects.accounts.batchCreate": 1}}));
    assert_eq!(world.log_in(EMAIL, WEAK).await.status, 503);
    assert_eq!(world.google.accounts().len(), 1);
    let hash = bcrypt::hash(OTHER, 4).unwrap();
    world
        .app
        .database
        .execute(&format!("UPDATE auth.users SET password_hash = '{hash}'"))
        .await
        .unwrap();
    world.log_in(EMAIL, OTHER).await.expect(200);
    assert_eq!(world.link().await, format!("{id} hybrid"));
    world.log_in(EMAIL, WEAK).await.expect(401);
    assert_eq!(world.google.accounts().len(), 1);
}

#[tokio::test]
async fn concurrent_sign_ins_import_once() {
    let world = World::start().await;
    let id = world.local(EMAIL, PASSWORD, 4).await;
    world.google_will(json!({"latency_ms": 30}));
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let answers = world.at_once("login", vec![body; 12]).await;
    for answer in answers {
        assert_eq!(answer.expect(200).body["data"]["uid"], *id);
    }
    assert_eq!(world.google.calls("projects.accounts.batchCreate"), 1);
    assert_eq!(world.google.accounts().len(), 1);
}

async fn reset_needed(world: &World, id: &str) -> String {
    world
        .app
        .database
        .value(&format!(
            "SELECT coalesce(result, '-') FROM auth.user_migrations WHERE user_id = '{id}'"
        ))
        .await
}
