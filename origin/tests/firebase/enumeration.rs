//! Neither an answer nor its time reveals who has an account, or where.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::google::{OTHER, PASSWORD, World};
use crate::support::ADMIN_KEY;

/// Sooner than the limit of a call to Google.
const AT_ONCE: Duration = Duration::from_secs(2);

/// One user of each kind: unknown, local, moved, registered here, deactivated before their move and after it.
async fn everybody(world: &World) -> [&'static str; 7] {
    world.local("local@example.org", PASSWORD, 4).await;
    world.local("moved@example.org", PASSWORD, 4).await;
    world.log_in("moved@example.org", PASSWORD).await.expect(200);
    world.registered("registered@example.org").await;
    world.local("deactivated@example.org", PASSWORD, 4).await;
    world
        .app
        .database
        .execute("UPDATE auth.users SET is_active = false WHERE email = 'deactivated@example.org'")
        .await
        .unwrap();
    world.local("moved-out@example.org", PASSWORD, 4).await;
    world.log_in("moved-out@example.org", PASSWORD).await.expect(200);
    world.registered("registered-out@example.org").await;
    for who in ["moved-out", "registered-out"] {
        let id: uuid::Uuid = world
            .app
            .database
            .value(&format!(
                "SELECT id FROM auth.users WHERE email = '{who}@example.org'"
            ))
            .await;
        let path = format!("/v1/users/{id}/deactivate");
        let done = world
            .app
            .call_with_key("POST", &path, ADMIN_KEY, &json!({}))
            .await;
        assert_eq!(
            done.expect(200).body["message"],
            "User deactivated",
            "Firebase knows"
        );
    }
    [
        "moved-out@example.org",
        "registered-out@example.org",
        "unknown@example.org",
        "local@example.org",
        "moved@example.org",
        "registered@example.org",
        "deactivated@example.org",
    ]
}

fn shown(mut body: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    fields.remove("request_id");
    fields.remove("timestamp");
    body
}

#[tokio::test]
async fn failed_sign_in_answers_every_kind_of_user_alike_after_the_same_work() {
    let world = World::start().await;
    let users = everybody(&world).await;
    for (state, status) in [
        (json!({}), 401),
        (json!({"email_privacy": false}), 401),
        (json!({"down": true}), 503),
    ] {
        world.google_will(state);
        let mut answers = Vec::new();
        for email in users {
            world.google_will(json!({"forget_calls": true}));
            let answer = world.log_in(email, OTHER).await.expect(status);
            let calls = world.google.calls("accounts.signInWithPassword");
            answers.push((answer.status, shown(answer.body), calls));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }
}

#[tokio::test]
async fn registration_of_a_taken_address_answers_every_kind_of_user_alike_after_the_same_work() {
    let world = World::start().await;
    let users = everybody(&world).await;
    for (state, status) in [(json!({}), 409), (json!({"down": true}), 503)] {
        world.google_will(state);
        let mut answers = Vec::new();
        for email in users.into_iter().filter(|email| !email.starts_with("unknown")) {
            world.google_will(json!({"forget_calls": true}));
            let body = json!({"email": email, "password": OTHER});
            let answer = world.post("register", &body).await.expect(status);
            let calls = world.google.calls("accounts.signInWithPassword");
            answers.push((shown(answer.body), calls));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }
}

#[tokio::test]
async fn disabled_account_is_revealed_only_with_its_password() {
    let world = World::start().await;
    everybody(&world).await;
    for (email, code) in [
        ("deactivated@example.org", "USER_DISABLED"),
        ("moved-out@example.org", "USER_DISABLED"),
        // Firebase does not check the password of a disabled account, and there is no hash here.
        ("registered-out@example.org", "INVALID_CREDENTIALS"),
    ] {
        assert_eq!(world.log_in(email, PASSWORD).await.code(), code, "{email}");
        // The old contract reveals who has an account.
        let body = json!({"email": email, "password": PASSWORD});
        let there = world.app.call("POST", "/auth/login", &body).await;
        assert_eq!((there.status, there.code()), (403, "USER_DISABLED"), "{email}");
    }
}

#[tokio::test]
async fn forgotten_password_is_answered_alike_and_at_once() {
    let world = World::start().await;
    let users = everybody(&world).await;
    world.google_will(json!({"latency_ms": 3_000}));
    let mut answers = Vec::new();
    for email in users {
        let mut quickest = Duration::MAX;
        // A call to Google gives up after 2.5 s every time; a busy machine is not busy every time.
        for _ in 0..5 {
            let started = Instant::now();
            let answer = world.post("forgot-password", &json!({"email": email})).await;
            quickest = quickest.min(started.elapsed());
            answers.push((answer.status, shown(answer.body)));
            if quickest < AT_ONCE {
                break;
            }
        }
        assert!(quickest < AT_ONCE, "{email} waited for Google: {quickest:?}");
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert_eq!(answers[0].0, 200);
}
