//! Mails that prove an address or replace a password: when they are sent, in which language, and where their links lead.

use serde_json::{Value, json};
use testkit::identity_toolkit::IdentityToolkit;

use crate::database::TestDatabase;
use crate::google::{PASSWORD, PATIENCE};
use crate::support::{PROJECT, TestApp};

async fn start(google: &IdentityToolkit, more: &[(&str, &str)]) -> TestApp {
    let variables = google.variables();
    let mut variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    variables.extend_from_slice(more);
    TestApp::start_on(TestDatabase::with_connections(4).await, &variables).await
}

async fn registered(app: &TestApp) -> Value {
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    app.call("POST", "/v1/auth/register", &user)
        .await
        .expect(201)
        .body["data"]
        .take()
}

/// The mails sent, once there are `count`.
async fn mails(google: &IdentityToolkit, count: usize) -> Vec<Value> {
    let started = std::time::Instant::now();
    loop {
        let mails = google.mails();
        if mails.len() >= count {
            return mails;
        }
        assert!(started.elapsed() < PATIENCE, "{count} mails were never sent");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn new_address_is_sent_a_mail_where_configured() {
    let google = IdentityToolkit::start(PROJECT).await.unwrap();
    let url = "https://app.example.org/signed-up";
    let app = start(
        &google,
        &[
            ("FIREBASE_VERIFY_NEW_ADDRESSES", "on"),
            ("FIREBASE_MAIL_LOCALE", "pt-BR"),
            ("FIREBASE_MAIL_CONTINUE_URL", url),
        ],
    )
    .await;
    registered(&app).await;
    let sent = mails(&google, 1).await;
    assert_eq!(sent[0]["requestType"], "VERIFY_EMAIL");
    assert_eq!(
        (&sent[0]["locale"], &sent[0]["continueUrl"]),
        (&json!("pt-BR"), &json!(url))
    );
    let forgotten = json!({"email": "ann@example.org"});
    app.call("POST", "/v1/auth/forgot-password", &forgotten)
        .await
        .expect(200);
    let sent = mails(&google, 2).await;
    assert_eq!(sent[1]["requestType"], "PASSWORD_RESET");
    assert_eq!(
        (&sent[1]["locale"], &sent[1]["continueUrl"]),
        (&json!("pt-BR"), &json!(url))
    );
}

#[tokio::test]
async fn mail_is_sent_on_demand_until_the_address_is_proven() {
    let google = IdentityToolkit::start(PROJECT).await.unwrap();
    let app = start(&google, &[]).await;
    let session = registered(&app).await;
    let token = session["idToken"].as_str().unwrap();
    assert_eq!(google.mails(), Vec::<Value>::new());
    let ask = |token: String| {
        let app = &app;
        async move {
            app.call_as("POST", "/v1/auth/verify-email", &token, &json!({}))
                .await
        }
    };
    ask(token.to_owned()).await.expect(200);
    let sent = mails(&google, 1).await;
    assert_eq!(
        (&sent[0]["requestType"], &sent[0]["locale"]),
        (&json!("VERIFY_EMAIL"), &Value::Null)
    );
    app.database
        .execute("UPDATE auth.users SET email_verified = true")
        .await
        .unwrap();
    ask(token.to_owned()).await.expect(200);
    assert_eq!(google.mails().len(), 1, "a proven address is not mailed");
    // A local user has no account whose address could be proven there.
    let id = app.legacy_user("bob@example.org").await;
    let legacy = crate::support::legacy_token(&id, crate::support::now());
    assert_eq!(ask(legacy).await.code(), "ACCOUNT_LINK_CONFLICT");
    app.call("POST", "/v1/auth/verify-email", &json!({}))
        .await
        .expect(401);
}
