//! `/v1/auth/*` against the Auth emulator.

use serde_json::{Value, json};

use crate::emulator::{address, start};
use crate::support::{TestApp, now, token};

const PASSWORD: &str = "correct-horse_1";

async fn register(app: &TestApp, email: &str) -> Value {
    let body =
        json!({"email": email, "password": PASSWORD, "displayName": "Ada", "photoURL": "https://x.de/a.png"});
    app.call("POST", "/v1/auth/register", &body)
        .await
        .expect(201)
        .body["data"]
        .take()
}

#[tokio::test]
async fn repeated_registration_is_answered_only_with_its_password() {
    let app = start().await;
    let email = address();
    let first = register(&app, &email).await;
    for field in [
        "uid",
        "email",
        "displayName",
        "photoURL",
        "idToken",
        "refreshToken",
        "expiresIn",
        "createdAt",
        "user",
    ] {
        assert!(!first[field].is_null(), "{field} in {first}");
    }
    assert_eq!(
        (&first["displayName"], &first["photoURL"]),
        (&json!("Ada"), &json!("https://x.de/a.png"))
    );
    let again = register(&app, &email).await;
    assert_eq!(
        (&first["uid"], &first["user"]["id"]),
        (&again["uid"], &again["user"]["id"])
    );
    let stranger = app
        .call(
            "POST",
            "/v1/auth/register",
            &json!({"email": email, "password": "other-horse_1"}),
        )
        .await;
    assert_eq!((stranger.status, stranger.code()), (409, "EMAIL_EXISTS"));
    assert_eq!(app.users().await, 1);
    let grants: i64 = app
        .database
        .value("SELECT count(*) FROM auth.token_transfers WHERE kind = 'welcome'")
        .await;
    assert_eq!(grants, 0, "nobody has proven the address");
}

#[tokio::test]
async fn interrupted_registration_is_completed() {
    let app = start().await;
    let email = address();
    let first = register(&app, &email).await;
    // The state after a process died between Firebase and the row.
    app.database.execute("DELETE FROM auth.users").await.unwrap();
    let again = register(&app, &email).await;
    assert_eq!(first["uid"], again["uid"]);
    assert_eq!(app.users().await, 1);
}

#[tokio::test]
async fn session_is_begun_refreshed_and_ended() {
    let app = start().await;
    let email = address();
    register(&app, &email).await;
    let body = json!({"email": email, "password": PASSWORD});
    let session = app.call("POST", "/v1/auth/login", &body).await.expect(200).body["data"].take();
    let renewed = app
        .call(
            "POST",
            "/v1/auth/refresh",
            &json!({"refreshToken": session["refreshToken"]}),
        )
        .await
        .expect(200);
    let id_token = renewed.body["data"]["idToken"].as_str().unwrap().to_owned();
    app.get("/v1/auth/me", &id_token).await.expect(200);

    for (body, status) in [
        (json!({"email": email, "password": "wrong"}), 401),
        (json!({"email": address(), "password": PASSWORD}), 401),
        (json!({"email": "nobody", "password": PASSWORD}), 400),
    ] {
        let refused = app.call("POST", "/v1/auth/login", &body).await;
        assert_eq!(refused.status, status, "{body}");
    }
    assert_eq!(
        app.call("POST", "/v1/auth/refresh", &json!({"refreshToken": "x"}))
            .await
            .status,
        401
    );

    // Tokens of earlier sign-ins are void; sign-ins count in whole seconds.
    app.database
        .execute("UPDATE auth.users SET last_login = last_login")
        .await
        .unwrap();
    app.call_as("POST", "/v1/auth/logout", &id_token, &json!({}))
        .await
        .expect(200);
    let uid = session["uid"].as_str().unwrap();
    let before = token(uid, &json!({"auth_time": now() - 60, "iat": now() - 60}));
    assert_eq!(app.get("/v1/auth/me", &before).await.code(), "TOKEN_REVOKED");
}

#[tokio::test]
async fn profile_is_changed_on_both_sides() {
    let app = start().await;
    let session = register(&app, &address()).await;
    let id_token = session["idToken"].as_str().unwrap();
    let changed = app
        .call_as(
            "PATCH",
            "/v1/auth/profile",
            id_token,
            &json!({"displayName": "Countess"}),
        )
        .await
        .expect(200);
    let data = &changed.body["data"];
    assert_eq!(
        (&data["displayName"], &data["photoURL"]),
        (&json!("Countess"), &json!("https://x.de/a.png"))
    );
    let uid = shared::ids::FirebaseUid::parse(session["uid"].as_str().unwrap()).unwrap();
    let account = app
        .app
        .accounts
        .firebase
        .find_account(&uid)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(account.display_name.as_deref(), Some("Countess"));
    for bad in [json!({}), json!({"displayName": ""}), json!({"displayName": 1})] {
        assert_eq!(
            app.call_as("PATCH", "/v1/auth/profile", id_token, &bad)
                .await
                .status,
            400,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn account_is_deleted_with_the_password_or_a_fresh_sign_in() {
    let app = start().await;
    let email = address();
    let session = register(&app, &email).await;
    let uid = session["uid"].as_str().unwrap().to_owned();
    let old = token(
        &uid,
        &json!({"auth_time": now() - 3000, "iat": now() - 3000, "exp": now() + 500}),
    );
    for (body, status) in [(json!({}), 400), (json!({"password": "wrong"}), 401)] {
        assert_eq!(
            app.call_as("DELETE", "/v1/auth/user", &old, &body).await.status,
            status
        );
    }
    app.call_as("DELETE", "/v1/auth/user", &old, &json!({"password": PASSWORD}))
        .await
        .expect(200);
    let gone = app
        .app
        .accounts
        .firebase
        .find_account(&shared::ids::FirebaseUid::parse(uid).unwrap())
        .await
        .unwrap();
    assert_eq!(gone, None);
    assert_eq!(app.get("/v1/auth/me", &old).await.code(), "USER_DISABLED");
    assert_eq!(app.differences().await, Vec::<String>::new());

    let session = register(&app, &email).await;
    let fresh = session["idToken"].as_str().unwrap();
    app.call_as("DELETE", "/v1/auth/user", fresh, &json!({}))
        .await
        .expect(200);
}

#[tokio::test]
async fn password_reset_answers_every_address_alike() {
    let app = start().await;
    let known = address();
    register(&app, &known).await;
    let answers = [
        app.call("POST", "/v1/auth/forgot-password", &json!({"email": known}))
            .await
            .expect(200),
        app.call("POST", "/v1/auth/forgot-password", &json!({"email": address()}))
            .await
            .expect(200),
    ];
    assert_eq!(answers[0].body["message"], answers[1].body["message"]);
    assert_eq!(answers[0].body["data"], answers[1].body["data"]);
    assert_eq!(
        app.call("POST", "/v1/auth/forgot-password", &json!({"email": "x"}))
            .await
            .status,
        400
    );
    let bad = json!({"oobCode": "nonsense", "newPassword": "better-horse_2"});
    let refused = app.call("POST", "/v1/auth/reset-password", &bad).await;
    assert_eq!((refused.status, refused.code()), (400, "VALIDATION_ERROR"));
}

#[tokio::test]
async fn forgotten_local_password_moves_the_account_with_its_hash() {
    let app = start().await;
    let email = address();
    let id = app.legacy_user(&email).await;
    let hash = bcrypt::hash("correct-horse_1", 4).unwrap();
    app.database
        .execute(&format!("UPDATE auth.users SET password_hash = '{hash}'"))
        .await
        .unwrap();
    let address = shared::ids::NormalizedEmail::parse(&email).unwrap();
    app.app
        .accounts
        .recover(&address, &users::audit::RequestSource::default())
        .await
        .unwrap();
    let account = app
        .app
        .accounts
        .firebase
        .find_account(&shared::ids::FirebaseUid::parse(id.clone()).unwrap())
        .await
        .unwrap();
    let account = account.expect("no account was made");
    assert_eq!(
        (account.email.as_deref(), account.email_verified),
        (Some(email.as_str()), false)
    );
    let linked: String = app
        .database
        .value("SELECT firebase_uid || ' ' || auth_provider FROM auth.users")
        .await;
    assert_eq!(linked, format!("{id} hybrid"));
    // A repeat changes nothing.
    app.app
        .accounts
        .recover(&address, &users::audit::RequestSource::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn firebase_outage_is_503_with_its_code() {
    let app = TestApp::start_with(&[("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:1")]).await;
    for (path, body) in [
        (
            "/v1/auth/login",
            json!({"email": address(), "password": PASSWORD}),
        ),
        ("/v1/auth/refresh", json!({"refreshToken": "x"})),
        ("/auth/login", json!({"email": address(), "password": PASSWORD})),
        (
            "/v1/auth/register",
            json!({"email": address(), "password": PASSWORD}),
        ),
    ] {
        let answer = app.call("POST", path, &body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (503, "FIREBASE_UNAVAILABLE"),
            "{path}"
        );
    }
}
