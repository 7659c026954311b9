//! `POST /v1/auth/exchange`: from a legacy token to a Firebase session.

use serde_json::{Value, json};

use crate::emulator::{address, start};
use crate::support::{Answer, TestApp, legacy_token, now, send, token};

/// A legacy user with a hash that Firebase reads, and their token.
async fn user(app: &TestApp) -> (String, String) {
    let id = app.legacy_user(&address()).await;
    let hash = bcrypt::hash("correct-horse-1", 4).unwrap();
    app.database
        .execute(&format!(
            "UPDATE auth.users SET password_hash = '{hash}' WHERE id = '{id}'"
        ))
        .await
        .unwrap();
    let token = legacy_token(&id, now() - 3600);
    (id, token)
}

async fn exchange(app: &TestApp, token: &str) -> Answer {
    app.call_as("POST", "/v1/auth/exchange", token, &json!({})).await
}

#[tokio::test]
async fn legacy_token_becomes_a_session_and_links_its_user() {
    let app = start().await;
    let (id, legacy) = user(&app).await;
    let session: Value = exchange(&app, &legacy).await.expect(200).body["data"].take();
    assert_eq!(
        (&session["uid"], &session["user"]["id"]),
        (&json!(id), &json!(id))
    );
    assert_eq!(session["user"]["auth_provider"], "hybrid");
    let id_token = session["idToken"].as_str().unwrap();
    let me = app.get("/v1/auth/me", id_token).await.expect(200);
    assert_eq!(
        (
            &me.body["data"]["user"]["id"],
            &me.body["data"]["user"]["token_balance"]
        ),
        (&json!(id), &json!(7))
    );
    let refresh = json!({"refreshToken": session["refreshToken"]});
    app.call("POST", "/v1/auth/refresh", &refresh).await.expect(200);

    // A repeat is no conflict: the answer may have been lost.
    let again = exchange(&app, &legacy).await.expect(200);
    assert_eq!(again.body["data"]["uid"], json!(id));
    assert_eq!(app.users().await, 1);
    let events: i64 = app
        .database
        .value("SELECT count(*) FROM auth.auth_events WHERE kind = 'session.exchanged'")
        .await;
    assert_eq!(events, 2);

    // The session is as young as the exchange, and proves no more than the old token.
    let removal = app.call_as("DELETE", "/v1/auth/user", id_token, &json!({})).await;
    assert_eq!(removal.status, 400, "{}", removal.body);

    let metrics = send(app.request("GET", "/metrics")).await;
    assert_eq!(metrics.status, 200);
    let text = app
        .request("GET", "/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "legacy_tokens_verified_total 2".to_owned(),
        format!("legacy_token_latest_expiry_seconds {}", expiry(&legacy)),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

#[tokio::test]
async fn inactive_user_gets_no_session() {
    let app = start().await;
    let (id, legacy) = user(&app).await;
    let refused = |status: u16, code: &'static str, token: String| {
        let app = &app;
        async move {
            let answer = exchange(app, &token).await;
            assert_eq!((answer.status, answer.code()), (status, code));
        }
    };
    refused(401, "TOKEN_EXPIRED", legacy_token(&id, now() - 8 * 24 * 3600)).await;
    refused(
        404,
        "USER_NOT_FOUND",
        legacy_token(&uuid::Uuid::new_v4().to_string(), now()),
    )
    .await;
    refused(401, "TOKEN_WRONG_KIND", token("somebody-new", &json!({}))).await;
    let set = |sql: &'static str| app.database.execute(sql);
    set("UPDATE auth.users SET is_active = false WHERE password_hash IS NOT NULL")
        .await
        .unwrap();
    refused(403, "USER_DISABLED", legacy.clone()).await;
    set("UPDATE auth.users SET is_active = true, valid_since = now()")
        .await
        .unwrap();
    refused(401, "TOKEN_REVOKED", legacy.clone()).await;
    set("UPDATE auth.users SET valid_since = NULL").await.unwrap();
    app.database
        .execute(&format!(
            "INSERT INTO auth.auth_events (kind, actor, user_id) VALUES ('password.changed', 'user', '{id}')"
        ))
        .await
        .unwrap();
    refused(401, "TOKEN_REVOKED", legacy.clone()).await;
    let linked: bool = app
        .database
        .value(&format!(
            "SELECT firebase_uid IS NOT NULL FROM auth.users WHERE id = '{id}'"
        ))
        .await;
    assert!(!linked, "somebody was moved who got no session");
    // A token from after the change is the user's own again.
    exchange(&app, &legacy_token(&id, now() + 5)).await.expect(200);
}

#[tokio::test]
async fn token_with_old_secret_or_wrong_time_is_refused() {
    let retired =
        crate::emulator::start_with(&[("LEGACY_TOKENS_ACCEPTED_UNTIL", "2020-01-01T00:00:00Z")]).await;
    let rotated =
        crate::emulator::start_with(&[("LEGACY_JWT_SECRETS", "another-secret-of-the-tests-0123456789")])
            .await;
    let none = crate::emulator::start_with(&[("LEGACY_JWT_SECRETS", "")]).await;
    for app in [retired, rotated, none] {
        let (_, legacy) = user(&app).await;
        let refused = exchange(&app, &legacy).await;
        assert_eq!(refused.status, 401, "{}", refused.body);
        let linked: i64 = app
            .database
            .value("SELECT count(*) FROM auth.users WHERE firebase_uid IS NOT NULL")
            .await;
        assert_eq!(linked, 0);
    }
}

#[tokio::test]
async fn hash_unreadable_by_firebase_is_reported() {
    let app = start().await;
    let id = app.legacy_user(&address()).await;
    let answer = exchange(&app, &legacy_token(&id, now() - 60)).await;
    assert_eq!((answer.status, answer.code()), (400, "VALIDATION_ERROR"));
}

fn expiry(token: &str) -> i64 {
    let claims = shared::base64url::decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["exp"]
        .as_i64()
        .unwrap()
}
