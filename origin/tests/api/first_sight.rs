//! The first request of a new user.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{TestApp, token, token_with_email};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hundred_concurrent_first_calls_make_one_row() {
    let app = TestApp::start().await;
    let token = token_with_email("uid-1", "Ada@example.org", true);
    let answers = parallel(&app, std::iter::repeat_n(token, 100)).await;
    let ids: BTreeSet<String> = answers.into_iter().collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(app.users().await, 1);
    let grants: i64 = app
        .database
        .value("SELECT count(*) FROM auth.token_transfers WHERE kind = 'welcome' AND amount = 3")
        .await;
    let created: i64 = app
        .database
        .value("SELECT count(*) FROM auth.auth_events WHERE kind = 'user.created'")
        .await;
    assert_eq!((grants, created), (1, 1));
    assert_eq!(app.differences().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn users_without_address_or_with_one_name_all_get_rows() {
    let app = TestApp::start().await;
    let users = (0..30).map(|n| {
        token(
            &format!("phone-{n}"),
            &json!({"name": "Ada Lovelace", "phone_number": "+491701234567"}),
        )
    });
    let ids: BTreeSet<String> = parallel(&app, users).await.into_iter().collect();
    assert_eq!(ids.len(), 30);
    let unnamed: i64 =
        app.database.value("SELECT count(*) FROM auth.users WHERE username IS NULL AND email IS NULL AND display_name = 'Ada Lovelace'").await;
    assert_eq!(unnamed, 30);
}

#[tokio::test]
async fn uids_of_any_legal_length_have_their_row() {
    let app = TestApp::start().await;
    for uid in [
        "a",
        &"x".repeat(128),
        &"é".repeat(128),
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    ] {
        let me = app.get("/v1/auth/me", &token(uid, &json!({}))).await.expect(200);
        assert_eq!(me.body["data"]["user"]["firebase_uid"], *uid);
    }
    app.get("/v1/auth/me", &token(&"x".repeat(129), &json!({})))
        .await
        .expect(401);
    assert_eq!(app.users().await, 4);
}

#[tokio::test]
async fn token_facts_are_stored_and_shown_in_the_contracts_shape() {
    let app = TestApp::start().await;
    let claims = json!({"email": "Ada@Example.org", "email_verified": true, "name": "Ada", "picture": "https://x.de/a.png"});
    let me = app.get("/v1/auth/me", &token("uid-1", &claims)).await.expect(200);
    let user = &me.body["data"]["user"];
    let names: BTreeSet<&str> = user.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "id",
        "firebase_uid",
        "email",
        "username",
        "display_name",
        "user_type",
        "is_active",
        "token_balance",
        "auth_provider",
        "email_verified",
        "photo_url",
        "last_login",
        "created_at",
        "updated_at",
    ];
    assert_eq!(names, expected.into_iter().collect());
    for (name, value) in [
        ("firebase_uid", json!("uid-1")),
        ("email", json!("ada@example.org")),
        ("username", json!(null)),
        ("display_name", json!("Ada")),
        ("user_type", json!("user")),
        ("is_active", json!(true)),
        ("token_balance", json!(3)),
        ("auth_provider", json!("firebase")),
        ("email_verified", json!(true)),
        ("photo_url", json!("https://x.de/a.png")),
    ] {
        assert_eq!(user[name], value, "{name}");
    }
    assert_eq!(me.body["success"], true);
    assert_eq!(me.body["message"], "User retrieved successfully");
}

#[tokio::test]
async fn welcome_grant_follows_the_configuration() {
    for (configured, balance) in [("0", 0), ("11", 11)] {
        let app = TestApp::start_with(&[("WELCOME_TOKENS", configured)]).await;
        let me = app
            .get("/v1/auth/me", &token_with_email("uid-1", "ada@example.org", true))
            .await
            .expect(200);
        assert_eq!(me.body["data"]["user"]["token_balance"], balance);
        assert_eq!(app.differences().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn reads_write_nothing_until_the_next_sign_in() {
    let app = TestApp::start().await;
    let signed_in = crate::support::now() - 100;
    let at = |auth_time: i64| token("uid-1", &json!({"auth_time": auth_time}));
    app.get("/v1/auth/me", &at(signed_in)).await.expect(200);
    // xmin changes with every write to the row.
    let version = "SELECT xmin::text || ' ' || ctid::text FROM auth.users";
    let before: String = app.database.value(version).await;
    for _ in 0..3 {
        app.get("/v1/auth/me", &at(signed_in)).await.expect(200);
        app.get("/v1/tokens/balance", &at(signed_in)).await.expect(200);
        app.get("/v1/auth/me", &at(signed_in - 50)).await.expect(200);
    }
    assert_eq!(app.database.value::<String>(version).await, before);
    app.get("/v1/auth/me", &at(signed_in + 1)).await.expect(200);
    let last_login: i64 = app
        .database
        .value("SELECT extract(epoch FROM last_login)::bigint FROM auth.users")
        .await;
    assert_eq!(last_login, signed_in + 1);
}

/// Calls `/v1/auth/me` with all tokens at once; answers the ids, in order.
async fn parallel(app: &TestApp, tokens: impl Iterator<Item = String>) -> Vec<String> {
    let calls: Vec<_> = tokens
        .map(|token| {
            let request = app.request("GET", "/v1/auth/me").bearer_auth(token);
            tokio::spawn(crate::support::send(request))
        })
        .collect();
    let mut ids = Vec::new();
    for call in calls {
        let answer = call.await.unwrap().expect(200);
        ids.push(answer.body["data"]["user"]["id"].as_str().unwrap().to_owned());
    }
    ids
}

/// From a token at first sight, from a later one, and from a row older than the rule.
#[tokio::test]
async fn picture_without_web_address_is_ignored() {
    let app = TestApp::start().await;
    let hostile = [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,<script>",
        "https://a\nb",
        "//evil.example/x",
        &format!("https://a/{}", "x".repeat(2048)),
    ];
    for (at, picture) in hostile.iter().enumerate() {
        let claims = json!({"picture": picture, "name": "Ada"});
        let me = app
            .get("/v1/auth/me", &token(&format!("uid-{at}"), &claims))
            .await
            .expect(200);
        assert_eq!(me.body["data"]["user"]["photo_url"], json!(null), "{picture}");
    }
    let kept: i64 = app
        .database
        .value("SELECT count(*) FROM auth.users WHERE photo_url IS NOT NULL")
        .await;
    assert_eq!(kept, 0);
    sqlx::query("UPDATE auth.users SET photo_url = 'javascript:alert(1)'")
        .execute(&app.database.pool)
        .await
        .unwrap();
    let me = app
        .get("/v1/auth/me", &token("uid-0", &json!({})))
        .await
        .expect(200);
    assert_eq!(me.body["data"]["user"]["photo_url"], json!(null));
}
