//! With `FIREBASE_TENANT_ID` every call about accounts names the tenant: the project's own accounts are others.

use serde_json::json;
use testkit::identity_toolkit::{Change, IdentityToolkit};

use crate::database::TestDatabase;
use crate::google::{OTHER, PASSWORD};
use crate::support::{PROJECT, TestApp};

const TENANT: &str = "customers-1a2b3";

#[tokio::test]
async fn every_call_about_accounts_names_the_tenant() {
    let google = IdentityToolkit::start(PROJECT).await.unwrap();
    google.change(Change {
        tenant: Some(TENANT.to_owned()),
        ..Change::default()
    });
    let mut variables = google.variables();
    variables.extend([
        ("FIREBASE_TENANT_ID", TENANT.to_owned()),
        ("BCRYPT_ROUNDS", "4".to_owned()),
    ]);
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let app = TestApp::start_on(TestDatabase::with_connections(4).await, &variables).await;

    // Make, sign in, refresh, look up, change, void, delete.
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    let session = app
        .call("POST", "/v1/auth/register", &user)
        .await
        .expect(201)
        .body["data"]
        .take();
    let token = session["idToken"].as_str().unwrap();
    app.get("/v1/auth/me", token).await.expect(200);
    let refresh = json!({"refreshToken": session["refreshToken"]});
    app.call("POST", "/v1/auth/refresh", &refresh).await.expect(200);
    let name = json!({"displayName": "Ann"});
    app.call_as("PATCH", "/v1/auth/profile", token, &name)
        .await
        .expect(200);
    app.call_as("POST", "/v1/auth/logout", token, &json!({}))
        .await
        .expect(200);

    // Moved by the hash, and by a legacy token.
    for (email, way) in [("bob@example.org", "login"), ("eve@example.org", "exchange")] {
        let id = app.legacy_user(email).await;
        let hash = bcrypt::hash(PASSWORD, 4).unwrap();
        app.database
            .execute(&format!(
                "UPDATE auth.users SET password_hash = '{hash}' WHERE id = '{id}'"
            ))
            .await
            .unwrap();
        let moved = if way == "login" {
            let user = json!({"email": email, "password": PASSWORD});
            app.call("POST", "/v1/auth/login", &user).await
        } else {
            let legacy = crate::support::legacy_token(&id, crate::support::now());
            app.call_as("POST", "/v1/auth/exchange", &legacy, &json!({}))
                .await
        };
        assert_eq!(moved.expect(200).body["data"]["uid"], *id, "{way}");
    }
    let forgotten = json!({"email": "bob@example.org"});
    app.call("POST", "/v1/auth/forgot-password", &forgotten)
        .await
        .expect(200);
    let started = std::time::Instant::now();
    while google.mailed_code("bob@example.org").is_none() {
        assert!(started.elapsed() < crate::google::PATIENCE, "no mail was sent");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let code = google.mailed_code("bob@example.org").unwrap();
    let reset = json!({"oobCode": code, "newPassword": OTHER});
    app.call("POST", "/v1/auth/reset-password", &reset)
        .await
        .expect(200);
    let user = json!({"email": "bob@example.org", "password": OTHER});
    app.call("POST", "/v1/auth/login", &user).await.expect(200);
    // The old contract's token is a session cookie of the tenant.
    let old = app.call("POST", "/auth/login", &user).await.expect(200);
    let cookie = old.body["data"]["token"].as_str().unwrap();
    app.get("/auth/profile", cookie).await.expect(200);
    assert_eq!(google.calls("projects.createSessionCookie"), 1);
}
