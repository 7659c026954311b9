//! A migrated user's password may be replaced at either side. It is never two at once, unnoticed.

use serde_json::json;

use crate::google::{OTHER, PASSWORD, World};

const THIRD: &str = "third-horse_3";

/// Somebody who moved with [`PASSWORD`]; answers their session.
pub async fn moved(world: &World) -> serde_json::Value {
    world.local("ann@example.org", PASSWORD, 4).await;
    world.log_in("ann@example.org", PASSWORD).await.expect(200).body["data"].take()
}

/// As the legacy service does it: a new hash in the row, and not a word to anybody.
pub async fn change_at_legacy(world: &World, password: &str) {
    let hash = bcrypt::hash(password, 4).unwrap();
    let statement = format!("UPDATE auth.users SET password_hash = '{hash}'");
    world.app.database.execute(&statement).await.unwrap();
}

/// As on Firebase's own page: the origin learns nothing of it.
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

/// Waits for what happens after an answer.
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
async fn a_change_here_is_a_change_of_both() {
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
async fn a_change_at_the_legacy_service_is_taken_over() {
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
async fn a_password_replaced_at_the_legacy_service_does_not_come_back_as_a_new_one() {
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
async fn a_change_on_firebases_page_reaches_the_legacy_service() {
    let world = World::start().await;
    moved(&world).await;
    change_at_firebase(&world, OTHER).await;
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    world.log_in("ann@example.org", OTHER).await.expect(200);
    until_legacy_accepts(&world, OTHER).await;
    world.log_in("ann@example.org", OTHER).await.expect(200);
}

#[tokio::test]
async fn of_two_changes_the_one_on_firebases_page_counts_and_the_other_is_refused() {
    let world = World::start().await;
    moved(&world).await;
    change_at_legacy(&world, OTHER).await;
    // The two agreed a while ago: longer than clocks may differ.
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
async fn closing_an_account_asks_for_the_password_that_counts() {
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
