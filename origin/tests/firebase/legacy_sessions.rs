//! Clients of the legacy contract keep their token for seven days and cannot refresh it.

use serde_json::{Value, json};
use shared::time::UnixTime;
use shared::token::check_standing;

use crate::google::{PASSWORD, World};
use crate::support::{ADMIN_KEY, Answer, SERVICE_KEY, now};

const HOUR: i64 = 3_600;
const WEEK: i64 = 7 * 24 * HOUR;

async fn log_in(world: &World, email: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD });
    world.app.call("POST", "/auth/login", &body).await
}

fn token_of(answer: &Answer) -> String {
    answer.body["data"]["token"].as_str().unwrap().to_owned()
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&shared::base64url::decode(payload.as_bytes()).unwrap()).unwrap()
}

fn is_cookie(token: &str) -> bool {
    let issuer = &claims(token)["iss"];
    issuer
        .as_str()
        .unwrap()
        .starts_with("https://session.firebase.google.com/")
}

#[tokio::test]
async fn every_token_of_the_old_contract_lives_for_seven_days() {
    let world = World::start().await;
    world.local("old@example.org", PASSWORD, 4).await;
    let registered = json!({ "username": "ann", "email": "ann@example.org", "password": PASSWORD });
    let registered = world.app.call("POST", "/auth/register", &registered).await;
    let batch = json!({ "users": [{ "email": "bob@example.org", "password": PASSWORD }] });
    let batch = world
        .app
        .call_with_key("POST", "/auth/register/batch", SERVICE_KEY, &batch)
        .await;
    let tokens = [
        token_of(&registered.expect(201)),
        token_of(&log_in(&world, "ann@example.org").await.expect(200)),
        // This sign-in moves the user.
        token_of(&log_in(&world, "old@example.org").await.expect(200)),
        batch.expect(201).body["data"]["results"][0]["token"]
            .as_str()
            .unwrap()
            .to_owned(),
    ];
    for token in &tokens {
        let claims = claims(token);
        let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!((is_cookie(token), lives), (true, WEEK), "{claims}");
        let verdict = json!({ "token": token });
        let verdict = world
            .app
            .call("POST", "/auth/verify-token", &verdict)
            .await
            .expect(200);
        assert_eq!(verdict.body["data"]["valid"], true);
        world.app.get("/auth/profile", token).await.expect(200);
    }
}

/// The verification of requests, hour by hour on a clock of the test's own.
#[tokio::test]
async fn client_without_refresh_stays_signed_in_for_seven_days() {
    let world = World::start().await;
    let signed_in_at = now();
    let mut signed_out = 0;
    for client in 0..8 {
        let email = format!("client-{client}@example.org");
        world.registered(&email).await;
        let token = token_of(&log_in(&world, &email).await.expect(200));
        for hour in 0..WEEK / HOUR {
            let at = UnixTime::from_secs(signed_in_at + hour * HOUR);
            let verified = world.app.app.verifier.verify(&token, at).await;
            let admitted = verified.is_ok_and(|identity| check_standing(&identity, true, None).is_ok());
            signed_out += i32::from(!admitted);
        }
        let over = UnixTime::from_secs(now() + WEEK + HOUR);
        let rejection = world.app.app.verifier.verify(&token, over).await.unwrap_err();
        assert_eq!(rejection.reason(), "expired");
    }
    assert_eq!(signed_out, 0, "signed out within seven days");
}

#[tokio::test]
async fn sessions_end_where_sign_ins_are_revoked() {
    let world = World::start().await;
    world.registered("ann@example.org").await;
    let token = token_of(&log_in(&world, "ann@example.org").await.expect(200));
    world.app.get("/auth/profile", &token).await.expect(200);
    let id: uuid::Uuid = world.app.database.value("SELECT id FROM auth.users").await;
    world.next_second().await;
    world
        .app
        .call_as("POST", "/v1/auth/logout", &token, &json!({}))
        .await
        .expect(200);
    assert_eq!(world.app.get("/auth/profile", &token).await.status, 401);
    world.next_second().await;
    let again = token_of(&log_in(&world, "ann@example.org").await.expect(200));
    world.app.get("/auth/profile", &again).await.expect(200);
    world
        .app
        .call_with_key(
            "POST",
            &format!("/v1/users/{id}/deactivate"),
            ADMIN_KEY,
            &json!({}),
        )
        .await
        .expect(200);
    assert_eq!(world.app.get("/auth/profile", &again).await.status, 403);
}

#[tokio::test]
async fn sign_in_stands_when_no_cookie_can_be_made() {
    let world = World::start().await;
    world.registered("ann@example.org").await;
    let method = "projects.createSessionCookie";
    for failure in [
        json!({ "status": 503, "message": "UNAVAILABLE" }),
        json!({ "status": 403, "message": "PERMISSION_DENIED" }),
        json!({ "status": 400, "message": "INVALID_DURATION" }),
        json!({ "status": 429, "message": "QUOTA_EXCEEDED" }),
        json!({ "status": 400, "message": "TOKEN_EXPIRED" }),
    ] {
        world.google_will(json!({ "fail": { method: failure } }));
        let answer = log_in(&world, "ann@example.org").await.expect(200);
        let token = token_of(&answer);
        assert!(!is_cookie(&token), "{failure}");
        world.app.get("/auth/profile", &token).await.expect(200);
        world.google_will(json!({ "fail": { method: null } }));
    }
    // After the pause that Google asked for.
    let started = std::time::Instant::now();
    while !is_cookie(&token_of(&log_in(&world, "ann@example.org").await.expect(200))) {
        assert!(started.elapsed() < crate::google::PATIENCE, "still no cookie");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn configuration_says_how_long_the_session_lives() {
    for (said, seconds) in [("5m", 300), ("14d", 14 * 24 * HOUR)] {
        let world = World::start_with(&[("LEGACY_CONTRACT_SESSION", said)]).await;
        world.registered("ann@example.org").await;
        let claims = claims(&token_of(&log_in(&world, "ann@example.org").await.expect(200)));
        let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(lives, seconds, "{said}");
    }
    for variables in [
        [("LEGACY_CONTRACT_SESSION", "off")],
        [("FIREBASE_SESSION_COOKIES", "off")],
    ] {
        let world = World::start_with(&variables).await;
        world.registered("ann@example.org").await;
        let token = token_of(&log_in(&world, "ann@example.org").await.expect(200));
        assert!(!is_cookie(&token), "{variables:?}");
    }
}
