//! Registrations, and their repeats after a lost answer.

use serde_json::json;

use crate::google::{OTHER, PASSWORD, World};

#[tokio::test]
async fn registration_by_the_service_account_keeps_all_fields() {
    let world = World::start().await;
    let body = json!({
        "email": "Ann@Example.org", "password": PASSWORD, "displayName": "Ann", "photoURL": "https://x.de/a.png",
    });
    let made = world.post("register", &body).await.expect(201).body["data"].take();
    assert_eq!(
        (&made["email"], &made["displayName"], &made["photoURL"]),
        (
            &json!("ann@example.org"),
            &json!("Ann"),
            &json!("https://x.de/a.png")
        )
    );
    assert_eq!(made["user"]["token_balance"], 0);
    assert_eq!(
        world.google.calls("accounts.signUp"),
        0,
        "sign-ups are limited to 100 an hour"
    );
    assert_eq!(world.google.calls("projects.accounts"), 1);
    assert_eq!(world.google.calls("projects.accounts.update"), 0);
    world
        .app
        .get("/v1/auth/me", made["idToken"].as_str().unwrap())
        .await
        .expect(200);
}

#[tokio::test]
async fn client_that_lost_the_answer_gets_it_again() {
    let world = World::start().await;
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    world.google_will(json!({"lose": {"projects.accounts": 1}}));
    world.post("register", &body).await.expect(503);
    assert_eq!(world.google.accounts().len(), 1, "the account was made");
    let first = world.post("register", &body).await.expect(201).body["data"].take();
    let again = world.post("register", &body).await.expect(201).body["data"].take();
    assert_eq!(
        (&first["uid"], &first["user"]["id"]),
        (&again["uid"], &again["user"]["id"])
    );
    let stranger = json!({"email": "ann@example.org", "password": OTHER});
    assert_eq!(world.post("register", &stranger).await.code(), "EMAIL_EXISTS");
    assert_eq!((world.google.accounts().len(), world.app.users().await), (1, 1));
}

#[tokio::test]
async fn concurrent_equal_registrations_make_one_user() {
    let world = World::start().await;
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    let answers = world.at_once("register", vec![body; 20]).await;
    let uids: std::collections::BTreeSet<String> = answers
        .into_iter()
        .map(|answer| answer.expect(201).body["data"]["uid"].to_string())
        .collect();
    assert_eq!(uids.len(), 1);
    assert_eq!((world.google.accounts().len(), world.app.users().await), (1, 1));
    let grants: i64 = world
        .app
        .database
        .value("SELECT count(*) FROM auth.token_transfers WHERE kind = 'welcome'")
        .await;
    assert_eq!(grants, 0);
}
