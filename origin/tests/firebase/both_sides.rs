//! Either side may replace a moved user's password. The two sides never differ unnoticed.

use serde_json::json;

use crate::google::{OTHER, PASSWORD, World};

const THIRD: &str = "third-horse_3";

/// A user who moved with [`PASSWORD`]; answers their session.
pub async fn moved(world: &World) -> serde_json::Value {
    world.local("ann@example.org", PASSWORD, 4).await;
    world.log_in("ann@example.org", PASSWORD).await.expect(200).body["data"].take()
}

/// The legacy service's own way: a new hash in the row, and no notification.
pub async fn change_at_legacy(world: &World, password: &str) {
    let hash = bcrypt::hash(password, 4).unwrap();
    let statement = format!("UPDATE auth.users SET password_hash = '{hash}'");
    world.app.database.execute(&statement).await.unwrap();
}

/// As on Firebase's own page, without notifying the origin.
pub async fn change_at_firebase(world: &World, password: &str) {
    let code = world.mailed_code("ann@example.org").await;
    world
        .app
        .app
        .accounts
        .firebase
        .reset_password(&code, password)
        .await
        .unwrap();
}

/// Waits for the work after an answer.
pub async fn until_legacy_accepts(world: &World, password: &str) {
    for _ in 0..1_000 {
        if world.legacy_accepts(password).await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the legacy service never learned of the password");
}

#[tokio::test]
async fn password_change_here_changes_both_sides() {
    let world = World::start().await;
    let session = moved(&world).await;
    let token = session["idToken"].as_str().unwrap();
    let wrong = json!({"currentPassword": THIRD, "newPassword": OTHER});
    let refused = world
        .app
        .call_as("POST", "/auth/change-password", token, &wrong)
        .await;
    assert_eq!((refused.status, refused.code()), (400, "INVALID_PASSWORD"));
    let change = json!({"currentPassword": PASSWORD, "newPassword": OTHER});
    world
        .app
        .call_as("POST", "/auth/change-password", token, &change)
        .await
        .expect(200);
    assert!(world.legacy_accepts(OTHER).await);
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    world.log_in("ann@example.org", OTHER).await.expect(200);
}

#[tokio::test]
async fn password_change_at_the_legacy_service_is_copied() {
    let world = World::start().await;
    moved(&world).await;
    change_at_legacy(&world, OTHER).await;
    let refused = world.log_in("ann@example.org", PASSWORD).await;
    assert_eq!(
        refused.code(),
        "INVALID_CREDENTIALS",
        "the old password would go on working here"
    );
    world.log_in("ann@example.org", OTHER).await.expect(200);
    assert_eq!(world.google.calls("projects.accounts.update"), 1);
    world.log_in("ann@example.org", OTHER).await.expect(200);
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    assert_eq!(
        world.google.calls("projects.accounts.update"),
        1,
        "taken over once"
    );
    assert!(world.legacy_accepts(OTHER).await);
}

#[tokio::test]
async fn replaced_legacy_password_does_not_return_as_a_new_one() {
    let world = World::start().await;
    let session = moved(&world).await;
    change_at_legacy(&world, OTHER).await;
    let token = session["idToken"].as_str().unwrap();
    let back = json!({"currentPassword": THIRD, "newPassword": PASSWORD});
    let refused = world
        .app
        .call_as("POST", "/auth/change-password", token, &back)
        .await;
    assert_eq!((refused.status, refused.code()), (400, "INVALID_PASSWORD"));
    assert!(world.legacy_accepts(OTHER).await);
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    world.log_in("ann@example.org", OTHER).await.expect(200);
}

#[tokio::test]
async fn password_change_on_firebases_page_reaches_the_legacy_service() {
    let world = World::start().await;
    moved(&world).await;
    change_at_firebase(&world, OTHER).await;
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    world.log_in("ann@example.org", OTHER).await.expect(200);
    until_legacy_accepts(&world, OTHER).await;
    world.log_in("ann@example.org", OTHER).await.expect(200);
}

#[tokio::test]
async fn change_on_firebases_page_beats_the_legacy_change() {
    let world = World::start().await;
    moved(&world).await;
    change_at_legacy(&world, OTHER).await;
    // The two agreed a while ago: longer than the clocks may differ.
    world
        .app
        .database
        .execute(
            "UPDATE auth.users SET provider_data = jsonb_set(provider_data, '{password,at}', \
             to_jsonb((provider_data #>> '{password,at}')::bigint - 600))",
        )
        .await
        .unwrap();
    change_at_firebase(&world, THIRD).await;
    world.log_in("ann@example.org", THIRD).await.expect(200);
    until_legacy_accepts(&world, THIRD).await;
    world.log_in("ann@example.org", OTHER).await.expect(401);
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
}

#[tokio::test]
async fn closing_an_account_requires_the_current_password() {
    let world = World::start().await;
    let session = moved(&world).await;
    change_at_legacy(&world, OTHER).await;
    let id = session["user"]["id"].as_str().unwrap();
    let token = crate::support::legacy_token(id, crate::support::now() - 3_600);
    for (password, status) in [(PASSWORD, 401), (OTHER, 200)] {
        world
            .app
            .call_as("DELETE", "/v1/auth/user", &token, &json!({"password": password}))
            .await
            .expect(status);
    }
    assert_eq!(world.google.accounts().len(), 0);
}
