//! Users move to Firebase when they sign in, with their password.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::google::{OTHER, PASSWORD, World};

#[tokio::test]
async fn right_legacy_password_moves_the_user_with_it() {
    let world = World::start().await;
    let id = world.local("Ann@Example.org", PASSWORD, 4).await;
    let session = world.log_in("ann@example.org", PASSWORD).await.expect(200).body["data"].take();
    assert_eq!(
        (&session["uid"], &session["user"]["id"]),
        (&json!(id), &json!(id))
    );
    assert_eq!(session["user"]["token_balance"], 7, "no second welcome");
    let accounts = world.google.accounts();
    assert_eq!(accounts.len(), 1);
    assert_eq!(
        (
            &accounts[0]["localId"],
            &accounts[0]["email"],
            &accounts[0]["emailVerified"]
        ),
        (&json!(id), &json!("ann@example.org"), &json!(false))
    );
    assert_eq!(world.link().await, format!("{id} hybrid"));
    world.refresh(&session).await.expect(200);
    world.log_in("ann@example.org", PASSWORD).await.expect(200);
    assert_eq!(world.google.calls("projects.accounts.batchCreate"), 1);
    let events: i64 = world
        .app
        .database
        .value("SELECT count(*) FROM auth.auth_events WHERE kind = 'user.migrated'")
        .await;
    assert_eq!(events, 1);
}

#[tokio::test]
async fn wrong_password_moves_no_user() {
    let world = World::start().await;
    world.local("ann@example.org", PASSWORD, 4).await;
    for password in [OTHER, "", "x", &"y".repeat(4096)] {
        let refused = world.log_in("ann@example.org", password).await;
        assert!(matches!(refused.status, 400 | 401), "{}", refused.body);
    }
    assert_eq!(world.google.accounts(), Vec::<Value>::new());
    assert_eq!(world.google.calls("projects.accounts"), 0);
    assert_eq!(world.link().await, "- local");

    let no_hash = "UPDATE auth.users SET password_hash = 'not a hash'";
    world.app.database.execute(no_hash).await.unwrap();
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    world
        .app
        .database
        .execute("UPDATE auth.users SET is_active = false")
        .await
        .unwrap();
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    assert_eq!(world.google.accounts().len(), 0);
}

#[tokio::test]
async fn deactivated_user_learns_it_only_with_the_right_password_and_does_not_move() {
    let world = World::start().await;
    world.local("ann@example.org", PASSWORD, 4).await;
    world
        .app
        .database
        .execute("UPDATE auth.users SET is_active = false")
        .await
        .unwrap();
    assert_eq!(
        world.log_in("ann@example.org", OTHER).await.code(),
        "INVALID_CREDENTIALS"
    );
    assert_eq!(
        world.log_in("ann@example.org", PASSWORD).await.code(),
        "USER_DISABLED"
    );
    assert_eq!(world.google.accounts().len(), 0);
}

#[tokio::test]
async fn hundred_concurrent_first_sign_ins_make_one_account_and_a_hundred_sessions() {
    // Google may report the uid or the address.
    for email_first in [false, true] {
        let world = World::start().await;
        world.google_will(json!({"email_conflict_first": email_first, "latency_ms": 20}));
        let id = world.local("ann@example.org", PASSWORD, 4).await;
        let body = json!({"email": "ann@example.org", "password": PASSWORD});
        let answers = world.at_once("login", vec![body; 100]).await;
        let sessions: Vec<Value> = answers
            .into_iter()
            .map(|answer| answer.expect(200).body["data"].take())
            .collect();
        assert!(sessions.iter().all(|session| session["uid"] == id));
        let refresh_tokens: BTreeSet<&str> = sessions
            .iter()
            .map(|session| session["refreshToken"].as_str().unwrap())
            .collect();
        assert_eq!(refresh_tokens.len(), 100);
        assert_eq!((world.google.accounts().len(), world.app.users().await), (1, 1));
        let renewals = sessions
            .iter()
            .map(|session| json!({"refreshToken": session["refreshToken"]}))
            .collect();
        for renewed in world.at_once("refresh", renewals).await {
            renewed.expect(200);
        }
        assert_eq!(
            world.google.calls("projects.accounts.update"),
            0,
            "a password set again would have voided the sessions of the faster"
        );
    }
}

/// Sign-ins that each ask the database every 50 ms leave it no time for the one that they wait for.
#[tokio::test]
async fn waiting_sign_ins_of_one_user_ask_the_database_as_one() {
    let world = World::start().await;
    world.google_will(json!({"latency_ms": 150}));
    world.local("ann@example.org", PASSWORD, 4).await;
    world
        .app
        .database
        .execute(
            "CREATE SEQUENCE attempts; \
             CREATE FUNCTION count_attempt() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN PERFORM nextval('attempts'); RETURN NEW; END $$; \
             CREATE TRIGGER attempts BEFORE INSERT ON auth.user_migrations \
                 FOR EACH ROW EXECUTE FUNCTION count_attempt()",
        )
        .await
        .unwrap();
    let body = json!({"email": "ann@example.org", "password": PASSWORD});
    let answers = world.at_once("login", vec![body; 40]).await;
    // On a busy machine the stand-in for Google may be too slow for some.
    assert!(
        answers.iter().any(|answer| answer.status == 200),
        "nobody was moved"
    );
    // The move, and one that asks for it for three seconds at most.
    let attempts: i64 = world.app.database.value("SELECT last_value FROM attempts").await;
    assert!((1..100).contains(&attempts), "{attempts}");
}

#[tokio::test]
async fn address_of_another_firebase_account_is_a_conflict() {
    let world = World::start().await;
    world.registered("ann@example.org").await;
    world
        .app
        .database
        .execute("DELETE FROM auth.users")
        .await
        .unwrap();
    world.local("ann@example.org", OTHER, 4).await;
    let refused = world.log_in("ann@example.org", OTHER).await;
    assert_eq!((refused.status, refused.code()), (409, "ACCOUNT_LINK_CONFLICT"));
    assert_eq!(world.link().await, "- local");
    assert_eq!(world.google.accounts().len(), 1);
}

#[tokio::test]
async fn password_reset_moves_the_user_first() {
    let world = World::start().await;
    let id = world.local("ann@example.org", PASSWORD, 4).await;
    let _mailed = world.mailed_code("ann@example.org").await;
    assert_eq!(world.link().await, format!("{id} hybrid"));
    // A stranger may have asked: until the user follows the mail's link, nothing changes for the user.
    let session = world.log_in("ann@example.org", PASSWORD).await.expect(200).body["data"].take();
    world.next_second().await;

    let code = world.google.mailed_code("ann@example.org").unwrap();
    let reset = json!({"oobCode": code, "newPassword": OTHER});
    world.post("reset-password", &reset).await.expect(200);
    world.post("reset-password", &reset).await.expect(400);
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    world.log_in("ann@example.org", OTHER).await.expect(200);
    assert!(
        world.legacy_accepts(OTHER).await,
        "the legacy service would still take the old one"
    );
    world.refresh(&session).await.expect(401);
    let token = session["idToken"].as_str().unwrap();
    assert_eq!(world.app.get("/v1/auth/me", token).await.code(), "TOKEN_REVOKED");
}
