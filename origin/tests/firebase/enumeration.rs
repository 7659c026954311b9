//! Who has an account, and where, cannot be learned from what is answered, nor from how long it takes.

use serde_json::{Value, json};

use crate::google::{OTHER, PASSWORD, World};

/// One of each kind: unknown, local, moved, registered here, deactivated.
async fn everybody(world: &World) -> [&'static str; 5] {
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
    [
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
async fn a_failed_sign_in_says_the_same_to_everybody_after_the_same_work() {
    let world = World::start().await;
    let people = everybody(&world).await;
    for (state, status) in [
        (json!({}), 401),
        (json!({"email_privacy": false}), 401),
        (json!({"down": true}), 503),
    ] {
        world.google_will(state);
        let mut answers = Vec::new();
        for email in people {
            world.google_will(json!({"forget_calls": true}));
            let answer = world.log_in(email, OTHER).await.expect(status);
            let calls = world.google.calls("accounts.signInWithPassword");
            answers.push((answer.status, shown(answer.body), calls));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }
}

#[tokio::test]
async fn a_forgotten_password_is_answered_alike_and_at_once() {
    let world = World::start().await;
    let people = everybody(&world).await;
    world.google_will(json!({"latency_ms": 3_000}));
    let mut answers = Vec::new();
    for email in people {
        let started = std::time::Instant::now();
        let answer = world.post("forgot-password", &json!({"email": email})).await;
        assert!(started.elapsed().as_millis() < 2_000, "{email} waited for Google");
        answers.push((answer.status, shown(answer.body)));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert_eq!(answers[0].0, 200);
}
