//! The legacy contract's accounts: register, login, password, closing. Against the Auth emulator.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::emulator::{address, start};
use crate::support::{SERVICE_KEY, TestApp, token};

const PASSWORD: &str = "correct-horse_1";

fn names(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap_or_else(|| panic!("no object: {value}"))
        .keys()
        .map(String::as_str)
        .collect()
}

/// Inserts a user of the legacy service with `PASSWORD`.
async fn local_user(app: &TestApp, email: &str, username: &str) -> String {
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    app.database
        .value::<uuid::Uuid>(&format!(
            "INSERT INTO auth.users (email, username, password_hash, token_balance) \
             VALUES ('{email}', '{username}', '{hash}', 5) RETURNING id"
        ))
        .await
        .to_string()
}

#[tokio::test]
async fn registering_gives_a_row_and_a_token_that_works() {
    let app = start().await;
    let email = address();
    let body = json!({"username": "ada1", "email": email, "password": PASSWORD});
    let registered = app.call("POST", "/auth/register", &body).await.expect(201);
    assert_eq!(registered.body["message"], "User registered successfully");
    let data = &registered.body["data"];
    assert_eq!(names(data), BTreeSet::from(["user", "token"]));
    for column in [
        "id",
        "username",
        "email",
        "user_type",
        "is_active",
        "token_balance",
        "last_login",
        "created_at",
        "updated_at",
    ] {
        assert!(data["user"].get(column).is_some(), "{column}");
    }
    assert!(data["user"].get("password_hash").is_none());
    assert_eq!(
        (&data["user"]["username"], &data["user"]["token_balance"]),
        (&json!("ada1"), &json!(0))
    );
    let profile = app
        .get("/auth/profile", data["token"].as_str().unwrap())
        .await
        .expect(200);
    assert_eq!(profile.body["data"]["user"]["id"], data["user"]["id"]);

    for (body, code) in [
        (
            json!({"username": "other1", "email": email.to_uppercase(), "password": PASSWORD}),
            "EMAIL_EXISTS",
        ),
        (
            json!({"username": "ada1", "email": address(), "password": PASSWORD}),
            "USERNAME_EXISTS",
        ),
        (
            json!({"username": "a_b", "email": address(), "password": PASSWORD}),
            "VALIDATION_ERROR",
        ),
        (
            json!({"username": "ada2", "email": "nobody", "password": "short"}),
            "VALIDATION_ERROR",
        ),
        (json!({}), "VALIDATION_ERROR"),
    ] {
        let refused = app.call("POST", "/auth/register", &body).await;
        assert_eq!((refused.status, refused.code()), (400, code), "{body}");
    }
    let all = app.call("POST", "/auth/register", &json!({})).await;
    assert_eq!(
        all.body["error"]["details"].as_array().unwrap().len(),
        3,
        "{}",
        all.body
    );
    assert_eq!(app.users().await, 1);
}

#[tokio::test]
async fn local_account_moves_to_firebase_at_its_first_sign_in() {
    let app = start().await;
    let email = address();
    let id = local_user(&app, &email, "ada1").await;
    let wrong = app
        .call(
            "POST",
            "/auth/login",
            &json!({"email": email, "password": "wrong-horse_1"}),
        )
        .await;
    assert_eq!((wrong.status, wrong.code()), (401, "INVALID_PASSWORD"));
    let unlinked: i64 = app
        .database
        .value("SELECT count(*) FROM auth.users WHERE firebase_uid IS NULL")
        .await;
    assert_eq!(unlinked, 1, "a wrong password moves nobody");

    let moved = app
        .call(
            "POST",
            "/auth/login",
            &json!({"email": email, "password": PASSWORD}),
        )
        .await
        .expect(200);
    assert_eq!(moved.body["message"], "Login successful");
    let user = &moved.body["data"]["user"];
    assert_eq!((&user["id"], &user["firebase_uid"]), (&json!(id), &json!(id)));
    assert_eq!(
        (&user["auth_provider"], &user["token_balance"]),
        (&json!("hybrid"), &json!(5))
    );
    assert_eq!(user["email_verified"], false, "nobody ever verified the address");

    let again = app
        .call(
            "POST",
            "/auth/login",
            &json!({"username": "ada1", "password": PASSWORD}),
        )
        .await
        .expect(200);
    assert_eq!(again.body["data"]["user"]["id"], *id);
    let events: Vec<String> = app
        .database
        .value("SELECT array_agg(kind ORDER BY id) FROM auth.auth_events")
        .await;
    assert_eq!(events, ["user.migrated"]);
    assert_eq!(app.differences().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_sign_ins_end_in_one_account() {
    let app = start().await;
    let email = address();
    let id = local_user(&app, &email, "ada1").await;
    let body = json!({"email": email, "password": PASSWORD});
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let request = crate::support::with_json(app.request("POST", "/auth/login"), &body);
            tokio::spawn(crate::support::send(request))
        })
        .collect();
    for call in calls {
        let answer = call.await.unwrap().expect(200);
        assert_eq!(answer.body["data"]["user"]["firebase_uid"], *id);
    }
    assert_eq!(app.users().await, 1);
}

#[tokio::test]
async fn failed_sign_in_has_the_legacy_services_code() {
    let app = start().await;
    let email = address();
    let deactivated = address();
    local_user(&app, &email, "ada1").await;
    local_user(&app, &deactivated, "bob1").await;
    app.database
        .execute("UPDATE auth.users SET is_active = false WHERE username = 'bob1'")
        .await
        .unwrap();
    // For example a sign-in by Google: a row without a hash, which the legacy service answers with 500.
    app.get(
        "/v1/auth/me",
        &token(
            "google",
            &json!({"email": "g@example.org", "email_verified": true}),
        ),
    )
    .await
    .expect(200);
    for (body, status, code) in [
        (
            json!({"email": address(), "password": PASSWORD}),
            404,
            "IDENTIFIER_NOT_FOUND",
        ),
        (
            json!({"username": "nobody1", "password": PASSWORD}),
            404,
            "IDENTIFIER_NOT_FOUND",
        ),
        (json!({"email": email, "password": "x"}), 401, "INVALID_PASSWORD"),
        (
            json!({"email": "g@example.org", "password": PASSWORD}),
            401,
            "INVALID_PASSWORD",
        ),
        (
            json!({"email": deactivated, "password": PASSWORD}),
            403,
            "USER_DISABLED",
        ),
        (
            json!({"email": deactivated, "password": "x"}),
            401,
            "INVALID_PASSWORD",
        ),
        (
            json!({"email": email, "username": "ada1", "password": PASSWORD}),
            400,
            "VALIDATION_ERROR",
        ),
        (json!({"password": PASSWORD}), 400, "VALIDATION_ERROR"),
        (json!({"email": email}), 400, "VALIDATION_ERROR"),
    ] {
        let answer = app.call("POST", "/auth/login", &body).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{body}");
    }
}

#[tokio::test]
async fn new_password_counts_on_both_sides() {
    let app = start().await;
    let email = address();
    local_user(&app, &email, "ada1").await;
    let login = |password: &'static str| {
        let (app, email) = (&app, email.clone());
        async move {
            app.call(
                "POST",
                "/auth/login",
                &json!({"email": email, "password": password}),
            )
            .await
        }
    };
    let token = login(PASSWORD).await.expect(200).body["data"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let change = |current: &str, new: &str| {
        let body = json!({"currentPassword": current, "newPassword": new});
        let (app, token) = (&app, token.clone());
        async move { app.call_as("POST", "/auth/change-password", &token, &body).await }
    };
    let wrong = change("wrong-horse_1", "better-horse_2").await;
    assert_eq!(wrong.status, 400, "{}", wrong.body);
    assert_eq!(change(PASSWORD, "weak").await.code(), "VALIDATION_ERROR");
    let changed = change(PASSWORD, "better-horse_2").await.expect(200);
    assert_eq!(changed.body["message"], "Password changed successfully");
    assert_eq!(login(PASSWORD).await.code(), "INVALID_PASSWORD");
    login("better-horse_2").await.expect(200);
    let hash: String = app.database.value("SELECT password_hash FROM auth.users").await;
    assert!(
        bcrypt::verify("better-horse_2", &hash).unwrap(),
        "the legacy service would still take the old one"
    );
}

#[tokio::test]
async fn closed_account_leaves_only_the_ledger() {
    let app = start().await;
    let nobody = app.call("DELETE", "/auth/account", &json!({})).await.expect(401);
    assert_eq!(nobody.code(), "UNAUTHORIZED");
    let email = address();
    let body = json!({"username": "ada1", "email": email, "password": PASSWORD});
    let token = app.call("POST", "/auth/register", &body).await.expect(201).body["data"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    app.call_as("PUT", "/auth/profile", &token, &json!({"full_name": "Ada"}))
        .await
        .expect(200);
    let closed = app
        .call_as("DELETE", "/auth/account", &token, &json!({}))
        .await
        .expect(200);
    assert_eq!(closed.body["message"], "Success");
    let data = &closed.body["data"];
    assert_eq!(data["message"], "Account deleted successfully");
    assert_eq!(data["data"]["originalEmail"], *email);
    assert!(data["data"]["deletedAt"].is_string());
    let row: String = app
        .database
        .value(
            "SELECT (email ~ '^deleted_[0-9]+_')::text || ' ' || is_active::text || ' ' || token_balance || ' ' || \
             (SELECT count(*) FROM auth.user_profiles) || ' ' || coalesce(username, '-') FROM auth.users",
        )
        .await;
    assert_eq!(row, "true false 0 0 -", "the username is free again");
    assert_eq!(app.differences().await, Vec::<String>::new());
    assert_eq!(app.get("/auth/profile", &token).await.code(), "USER_DISABLED");
    assert_eq!(
        app.call(
            "POST",
            "/auth/login",
            &json!({"email": email, "password": PASSWORD})
        )
        .await
        .code(),
        "IDENTIFIER_NOT_FOUND"
    );
    // The address is free again.
    let body = json!({"username": "ada2", "email": email, "password": PASSWORD});
    app.call("POST", "/auth/register", &body).await.expect(201);
}

#[tokio::test]
async fn batch_has_an_outcome_for_each_entry() {
    let app = start().await;
    let (one, two) = (address(), address());
    let body = json!({"users": [
        {"email": one, "password": PASSWORD}, {"email": two, "password": "weak"}, {"email": one, "password": "other-horse_1"}, 7,
    ]});
    let refused = app.call("POST", "/auth/register/batch", &body).await;
    assert_eq!((refused.status, refused.code()), (401, "UNAUTHORIZED"));
    let done = app
        .call_with_key("POST", "/auth/register/batch", SERVICE_KEY, &body)
        .await
        .expect(201);
    let data = &done.body["data"];
    assert_eq!(
        (&data["total"], &data["successful"], &data["failed"]),
        (&json!(4), &json!(1), &json!(3))
    );
    let first = &data["results"][0];
    assert_eq!(
        names(first),
        BTreeSet::from(["index", "success", "user", "token", "error"])
    );
    assert_eq!(
        names(&first["user"]),
        BTreeSet::from(["id", "email", "token_balance", "created_at"])
    );
    assert_eq!(first["user"]["token_balance"], 0);
    assert_eq!(data["results"][2]["error"], "Email already exists");
    for bad in [
        json!({}),
        json!({"users": []}),
        json!({"users": vec![json!({}); 51]}),
    ] {
        let refused = app
            .call_with_key("POST", "/auth/register/batch", SERVICE_KEY, &bad)
            .await;
        assert_eq!((refused.status, refused.code()), (400, "VALIDATION_ERROR"));
    }
}
