//! The database or Firebase fails in the middle of an operation: nothing is lost, and the next call repairs it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::postgres::PgPoolOptions;
use testkit::legacy;

use crate::google::{OTHER, PASSWORD, World};

/// Calls `POST /v1/auth/{route}` and stops the database while Google handles `method`.
async fn break_during(world: &World, method: &'static str, route: &str, body: &Value) -> (u16, String) {
    world.google_will(json!({"forget_calls": true, "latency_ms": 400}));
    let call = world.at_once(route, vec![body.clone()]);
    let breaking = async {
        world
            .until("Google is asked", |world| world.google.calls(method) > 0)
            .await;
        world.door.shut();
    };
    let (mut answers, ()) = tokio::join!(call, breaking);
    world.google_will(json!({"latency_ms": 0}));
    world.door.open();
    let answer = answers.remove(0);
    (answer.status, answer.code().to_owned())
}

#[tokio::test]
async fn registration_without_its_row_is_repaired_by_the_next_call() {
    for (route, status) in [("register", 201), ("login", 200)] {
        let world = World::start().await;
        let user = json!({"email": "ann@example.org", "password": PASSWORD});
        let broken = break_during(&world, "accounts.signInWithPassword", "register", &user).await;
        assert_eq!(broken, (503, "DATABASE_UNAVAILABLE".to_owned()));
        assert_eq!((world.google.accounts().len(), world.app.users().await), (1, 0));

        let mended = world.post(route, &user).await.expect(status);
        assert_eq!(mended.body["data"]["user"]["token_balance"], 0);
        assert_eq!(
            (world.google.accounts().len(), world.app.users().await),
            (1, 1),
            "{route}"
        );
        assert_eq!(world.app.differences().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn move_without_its_link_is_repaired_by_the_next_call() {
    let world = World::start().await;
    let id = world.local("ann@example.org", PASSWORD, 4).await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    let broken = break_during(&world, "projects.accounts.batchCreate", "login", &user).await;
    assert_eq!(broken, (503, "DATABASE_UNAVAILABLE".to_owned()));
    assert_eq!(world.google.accounts().len(), 1);
    assert_eq!(world.link().await, "- local");

    world.log_in("ann@example.org", PASSWORD).await.expect(200);
    assert_eq!(world.link().await, format!("{id} hybrid"));
    assert_eq!(world.google.accounts().len(), 1);
}

#[tokio::test]
async fn interrupted_move_takes_the_newer_password() {
    let world = World::start().await;
    let id = world.local("ann@example.org", PASSWORD, 4).await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    break_during(&world, "projects.accounts.batchCreate", "login", &user).await;
    let hash = bcrypt::hash(OTHER, 4).unwrap();
    world
        .app
        .database
        .execute(&format!("UPDATE auth.users SET password_hash = '{hash}'"))
        .await
        .unwrap();
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    assert_eq!(world.link().await, "- local");
    world.log_in("ann@example.org", OTHER).await.expect(200);
    assert_eq!(world.link().await, format!("{id} hybrid"));
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
}

#[tokio::test]
async fn account_with_an_older_password_is_linked_without_accepting_it() {
    let world = World::start().await;
    let id = world.local("ann@example.org", PASSWORD, 4).await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    break_during(&world, "projects.accounts.batchCreate", "login", &user).await;
    let hash = bcrypt::hash(OTHER, 4).unwrap();
    let changed = format!("UPDATE auth.users SET password_hash = '{hash}'");
    world.app.database.execute(&changed).await.unwrap();
    let _mailed = world.mailed_code("ann@example.org").await;
    assert_eq!(world.link().await, format!("{id} hybrid"));
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
    world.log_in("ann@example.org", OTHER).await.expect(200);
}

#[tokio::test]
async fn password_change_without_its_row_is_repaired_by_a_repeat() {
    let world = World::start().await;
    world.local("ann@example.org", PASSWORD, 4).await;
    let session = world.log_in("ann@example.org", PASSWORD).await.expect(200).body["data"].take();
    let token = session["idToken"].as_str().unwrap();
    let change = json!({"currentPassword": PASSWORD, "newPassword": OTHER});
    let send = || world.app.call_as("POST", "/auth/change-password", token, &change);

    world.google_will(json!({"forget_calls": true, "latency_ms": 400}));
    let breaking = async {
        world
            .until("Firebase has it", |world| {
                world.google.calls("projects.accounts.update") > 0
            })
            .await;
        world.door.shut();
    };
    let (broken, ()) = tokio::join!(send(), breaking);
    world.door.open();
    world.google_will(json!({"latency_ms": 0}));
    assert_eq!(broken.code(), "DATABASE_UNAVAILABLE");
    assert!(world.legacy_accepts(PASSWORD).await);

    send().await.expect(200);
    assert!(world.legacy_accepts(OTHER).await);
    world.log_in("ann@example.org", OTHER).await.expect(200);
    world.log_in("ann@example.org", PASSWORD).await.expect(401);
}

#[tokio::test]
async fn closing_without_its_row_is_repaired_by_a_repeat() {
    let world = World::start().await;
    let id = world.local("ann@example.org", PASSWORD, 4).await;
    world.log_in("ann@example.org", PASSWORD).await.expect(200);
    // The sign-in is too old: the password must prove the user.
    let token = crate::support::legacy_token(&id, crate::support::now() - 3_600);
    let send = |password: &str| {
        let body = json!({"password": password});
        let (world, token) = (&world, token.as_str());
        async move { world.app.call_as("DELETE", "/v1/auth/user", token, &body).await }
    };
    send(OTHER).await.expect(401);
    world.google_will(json!({"forget_calls": true, "latency_ms": 400}));
    let breaking = async {
        world
            .until("Firebase deletes it", |world| {
                world.google.calls("projects.accounts.delete") > 0
            })
            .await;
        world.door.shut();
    };
    let (broken, ()) = tokio::join!(send(PASSWORD), breaking);
    world.door.open();
    world.google_will(json!({"latency_ms": 0}));
    assert_eq!(broken.code(), "DATABASE_UNAVAILABLE");
    assert_eq!(world.google.accounts().len(), 0);

    send(PASSWORD).await.expect(200);
    let closed: bool = world
        .app
        .database
        .value("SELECT NOT is_active AND email LIKE 'deleted\\_%' FROM auth.users")
        .await;
    assert!(closed);
    world.registered("ann@example.org").await;
}

#[tokio::test]
async fn code_is_not_used_up_while_the_database_is_away() {
    let world = World::start().await;
    let session = world.registered("ann@example.org").await;
    let code = world.mailed_code("ann@example.org").await;
    let reset = json!({"oobCode": code, "newPassword": OTHER});
    world.next_second().await;
    world.door.shut();
    let refused = world.post("reset-password", &reset).await;
    assert_eq!((refused.status, refused.code()), (503, "DATABASE_UNAVAILABLE"));
    world.door.open();
    world.post("reset-password", &reset).await.expect(200);
    let token = session["idToken"].as_str().unwrap();
    assert_eq!(world.app.get("/v1/auth/me", token).await.code(), "TOKEN_REVOKED");
    world.log_in("ann@example.org", OTHER).await.expect(200);
}

#[tokio::test]
async fn firebase_outage_leaves_sign_in_to_the_legacy_service() {
    let world = World::start().await;
    world.local("ann@example.org", PASSWORD, 4).await;
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect(world.app.database.url())
        .await
        .unwrap();
    let settings = legacy::Settings {
        jwt_secret: crate::support::LEGACY_SECRET.as_bytes().to_vec(),
        service_key: crate::support::SERVICE_KEY.to_owned(),
        default_token_balance: 3,
        user_cache: false,
    };
    let listener = testkit::serve::bind_any().await.unwrap();
    let address = listener.local_addr().unwrap();
    let control = legacy::Control::default();
    let service = tokio::spawn(testkit::serve::serve(
        listener,
        legacy::router(pool, settings, &control),
    ));

    for (outage, patience) in [
        (json!({"down": true}), 6),
        (json!({"down": false, "hang": true}), 6),
    ] {
        world.google_will(outage);
        let started = Instant::now();
        let answer = world.log_in("ann@example.org", PASSWORD).await;
        assert_eq!((answer.status, answer.code()), (503, "FIREBASE_UNAVAILABLE"));
        assert!(answer.header("retry-after").is_some());
        assert!(
            started.elapsed() < Duration::from_secs(patience),
            "{:?}",
            started.elapsed()
        );
        assert_eq!(world.link().await, "- local");
        let user = json!({"email": "ann@example.org", "password": PASSWORD});
        let request = http_client::client()
            .unwrap()
            .post(format!("http://{address}/auth/login"));
        let there = crate::support::send(crate::support::with_json(request, &user))
            .await
            .expect(200);
        let token = there.body["data"]["token"].as_str().unwrap().to_owned();
        world.app.get("/v1/auth/me", &token).await.expect(200);
    }
    world.google_will(json!({"hang": false}));
    world.log_in("ann@example.org", PASSWORD).await.expect(200);
    service.abort();
}
