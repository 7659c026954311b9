//! Administrators' operations on users, over HTTP and at the command line.

use serde_json::json;

use crate::emulator;
use crate::program;
use crate::support::{ADMIN_KEY, SERVICE_KEY, TestApp, legacy_token, now, send, token};

async fn me(app: &TestApp, token: &str) -> String {
    app.get("/v1/auth/me", token).await.expect(200).body["data"]["user"]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn deactivation_counts_at_once_and_is_audited() {
    let app = TestApp::start().await;
    let signed_in = now() - 60;
    let before = token("uid-1", &json!({"auth_time": signed_in}));
    let id = me(&app, &before).await;
    let post = |path: &'static str| {
        let (app, url) = (&app, format!("/v1/users/{id}/{path}"));
        async move { app.call_with_key("POST", &url, ADMIN_KEY, &json!({})).await }
    };
    let answer = post("deactivate").await.expect(200);
    assert_eq!(answer.body["data"]["user"]["is_active"], false);
    assert_eq!(app.get("/v1/auth/me", &before).await.code(), "USER_DISABLED");
    post("activate").await.expect(200);
    // Active again, but not with a sign-in from before.
    assert_eq!(app.get("/v1/auth/me", &before).await.code(), "TOKEN_REVOKED");
    me(&app, &token("uid-1", &json!({"auth_time": now()}))).await;

    let trail = send(
        app.request("GET", &format!("/v1/users/{id}/events"))
            .header("x-service-key", ADMIN_KEY),
    )
    .await;
    let kinds: Vec<(&str, &str)> = trail.body["data"]["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["kind"].as_str().unwrap(), event["actor"].as_str().unwrap()))
        .collect();
    let expected = [
        ("user.activated", "service:admin"),
        ("user.deactivated", "service:admin"),
        ("user.created", "user"),
    ];
    assert_eq!(kinds, expected);
    for event in trail.body["data"]["events"].as_array().unwrap() {
        assert!(event["request_id"].is_string());
    }
}

#[tokio::test]
async fn only_an_admin_key_may_administer() {
    let app = TestApp::start().await;
    let user = token("uid-1", &json!({}));
    let id = me(&app, &user).await;
    for (method, path) in [
        ("GET", ""),
        ("GET", "/events"),
        ("POST", "/deactivate"),
        ("POST", "/activate"),
        ("POST", "/sync"),
    ] {
        let url = format!("/v1/users/{id}{path}");
        for request in [
            app.request(method, &url),
            app.request(method, &url).header("x-service-key", SERVICE_KEY),
            app.request(method, &url).header("x-service-key", "wrong"),
            app.request(method, &url).bearer_auth(&user),
        ] {
            let refused = send(request).await;
            assert_eq!(
                (refused.status, refused.code()),
                (403, "FORBIDDEN"),
                "{method} {url}"
            );
        }
        let unknown = format!("/v1/users/{}{path}", uuid::Uuid::new_v4());
        let answer = send(app.request(method, &unknown).header("x-service-key", ADMIN_KEY)).await;
        assert_eq!(
            answer.status,
            if path == "/events" { 200 } else { 404 },
            "{method} {unknown}"
        );
        let nonsense = send(
            app.request(method, &format!("/v1/users/x{path}"))
                .header("x-service-key", ADMIN_KEY),
        )
        .await;
        assert_eq!(nonsense.code(), "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn row_is_synchronised_with_firebase() {
    let app = emulator::start().await;
    let email = emulator::address();
    let body = json!({"email": email, "password": "correct-horse_1", "displayName": "Ada"});
    let session = app
        .call("POST", "/v1/auth/register", &body)
        .await
        .expect(201)
        .body["data"]
        .take();
    let (id, uid) = (
        session["user"]["id"].as_str().unwrap(),
        session["uid"].as_str().unwrap(),
    );
    let sync = || async {
        app.call_with_key("POST", &format!("/v1/users/{id}/sync"), ADMIN_KEY, &json!({}))
            .await
    };
    app.app
        .accounts
        .firebase
        .set_profile(uid, Some("Countess"), None)
        .await
        .unwrap();
    app.app
        .accounts
        .firebase
        .set_standing(uid, Some(true), None)
        .await
        .unwrap();
    assert_eq!(
        sync().await.expect(200).body["data"]["user"]["display_name"],
        "Countess"
    );
    let status = "SELECT federation_status FROM auth.users";
    assert_eq!(app.database.value::<String>(status).await, "disabled");
    app.app.accounts.firebase.delete_account(uid).await.unwrap();
    assert_eq!(sync().await.code(), "USER_NOT_FOUND");
    assert_eq!(app.database.value::<String>(status).await, "failed");
}

#[tokio::test]
async fn deactivated_user_cannot_sign_in_at_the_emulator_either() {
    let app = emulator::start().await;
    let user = json!({"email": emulator::address(), "password": "correct-horse_1"});
    let session = app
        .call("POST", "/v1/auth/register", &user)
        .await
        .expect(201)
        .body["data"]
        .take();
    let id = session["user"]["id"].as_str().unwrap();
    let email = shared::ids::NormalizedEmail::parse(user["email"].as_str().unwrap()).unwrap();
    let firebase = &app.app.accounts.firebase;
    for (verb, is_in) in [("deactivate", false), ("activate", true)] {
        let path = format!("/v1/users/{id}/{verb}");
        app.call_with_key("POST", &path, ADMIN_KEY, &json!({}))
            .await
            .expect(200);
        let direct = firebase.sign_in(&email, "correct-horse_1").await;
        assert_eq!(direct.is_ok(), is_in, "{verb}: {:?}", direct.err());
    }
    let owed = "SELECT count(*) FROM auth.standing_pushes";
    assert_eq!(app.database.value::<i64>(owed).await, 0);
}

#[tokio::test]
async fn command_line_shows_finds_and_deactivates() {
    let app = TestApp::start().await;
    let id = app.legacy_user("Ada@example.org").await;
    let run = |arguments: &[&str]| {
        let output = program::origin()
            .arg("users")
            .args(arguments)
            .env("DATABASE_URL", app.database.url())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    for what in ["ada@EXAMPLE.org", &id] {
        let (code, text) = run(&["find", what]);
        assert_eq!(code, Some(0));
        assert!(text.contains(&id) && !text.contains("$2b$"), "{text}");
    }
    assert_eq!(run(&["find", "nobody@example.org"]).0, Some(1));
    assert_eq!(run(&["deactivate", &id, "--actor", "ops"]).0, Some(0));
    assert_eq!(
        app.get("/v1/auth/me", &legacy_token(&id, now() - 10))
            .await
            .code(),
        "USER_DISABLED"
    );
    let (_, text) = run(&["show", &id]);
    assert!(
        text.contains("user.deactivated") && text.contains("cli:ops"),
        "{text}"
    );
    assert_eq!(run(&["activate", &id]).0, Some(0));
    assert_eq!(run(&["show", &uuid::Uuid::new_v4().to_string()]).0, Some(1));
}

#[tokio::test]
async fn bad_configuration_names_every_variable_and_exits_64() {
    for verb in ["serve", "check-config"] {
        let output = program::origin()
            .arg(verb)
            .env("PORT", "hunter2")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(64));
        let text = String::from_utf8(output.stderr).unwrap();
        for name in [
            "PORT",
            "DATABASE_URL",
            "FIREBASE_PROJECT_ID",
            "ORIGIN_ASSERTION_KEYS",
        ] {
            assert!(text.contains(name), "{name} in {text}");
        }
        assert!(!text.contains("hunter2"));
    }
}
