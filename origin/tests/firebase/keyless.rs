//! The service manages accounts without a key: each kind of credentials gets tokens, and Google signs custom tokens.

use serde_json::{Value, json};
use testkit::identity_toolkit::{IdentityToolkit, SUBJECT_TOKEN, USER_REFRESH_TOKEN};

use crate::database::TestDatabase;
use crate::google::PASSWORD;
use crate::support::{PROJECT, TestApp};

const ACCOUNT: &str = "FIREBASE_SERVICE_ACCOUNT";

/// A service with the stand-in's variables except for its key, and with these.
async fn start(google: &IdentityToolkit, more: &[(&str, &str)]) -> TestApp {
    let variables = google.variables();
    let mut variables: Vec<(&str, &str)> = variables
        .iter()
        .filter(|(name, _)| !matches!(*name, "FIREBASE_CLIENT_EMAIL" | "FIREBASE_PRIVATE_KEY"))
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    variables.extend([("BCRYPT_ROUNDS", "4")]);
    variables.extend_from_slice(more);
    TestApp::start_on(TestDatabase::with_connections(4).await, &variables).await
}

/// Registers, moves and exchanges: calls that need a token and a signature.
async fn manages_accounts(app: &TestApp) {
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    app.call("POST", "/v1/auth/register", &user).await.expect(201);
    let id = app.legacy_user("bob@example.org").await;
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    app.database
        .execute(&format!(
            "UPDATE auth.users SET password_hash = '{hash}' WHERE id = '{id}'"
        ))
        .await
        .unwrap();
    let token = crate::support::legacy_token(&id, crate::support::now());
    let exchanged = app
        .call_as("POST", "/v1/auth/exchange", &token, &json!({}))
        .await
        .expect(200);
    assert_eq!(exchanged.body["data"]["uid"], *id);
}

fn file(name: &str, content: &Value) -> String {
    let path = std::env::temp_dir().join(format!("crossfade-{}-{name}.json", uuid::Uuid::new_v4()));
    std::fs::write(&path, content.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A program that answers with our identity in Google's protocol, and knows none of our secrets.
fn program() -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = std::env::temp_dir().join(format!("crossfade-{}-program", uuid::Uuid::new_v4()));
    let script = format!(
        "#!/bin/sh\n\
         [ \"$GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE\" = 0 ] && [ -z \"$TEST_DATABASE_URL$DATABASE_URL\" ] && [ \"$1\" = --once ] || exit 1\n\
         echo '{{\"version\":1,\"success\":true,\"token_type\":\"'$GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE'\",\"id_token\":\"{SUBJECT_TOKEN}\"}}'\n"
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    format!("{} --once", path.display())
}

fn base(google: &IdentityToolkit) -> String {
    let variables = google.variables();
    let (_, uri) = variables
        .iter()
        .find(|(name, _)| *name == "FIREBASE_TOKEN_URI")
        .unwrap();
    uri.trim_end_matches("/token").to_owned()
}

fn account(google: &IdentityToolkit) -> String {
    let variables = google.variables();
    let (_, email) = variables
        .iter()
        .find(|(name, _)| *name == "FIREBASE_CLIENT_EMAIL")
        .unwrap();
    email.clone()
}

fn impersonation(google: &IdentityToolkit) -> String {
    format!(
        "{}/iam/v1/projects/-/serviceAccounts/{}:generateAccessToken",
        base(google),
        account(google)
    )
}

fn user(google: &IdentityToolkit) -> Value {
    json!({
        "type": "authorized_user", "client_id": "client", "client_secret": "client-secret", "refresh_token": USER_REFRESH_TOKEN,
        "token_uri": format!("{}/token", base(google)),
    })
}

fn external(google: &IdentityToolkit, source: &Value) -> Value {
    json!({
        "type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": format!("{}/sts/v1/token", base(google)),
        "credential_source": source, "service_account_impersonation_url": impersonation(google),
    })
}

#[tokio::test]
async fn every_kind_of_file_manages_accounts() {
    let google = IdentityToolkit::start(PROJECT).await.unwrap();
    let subject = file("subject", &json!({"id": {}, "token": SUBJECT_TOKEN}));
    let in_file = json!({"file": subject, "format": {"type": "json", "subject_token_field_name": "token"}});
    let at_url = json!({
        "url": format!("{}/subject", base(&google)), "headers": {"Metadata": "true"},
        "format": {"type": "json", "subject_token_field_name": "access_token"},
    });
    let mut aws = external(
        &google,
        &json!({
            "environment_id": "aws1", "imdsv2_session_token_url": format!("{}/aws/token", base(&google)),
            "region_url": format!("{}/aws/zone", base(&google)), "url": format!("{}/aws/keys", base(&google)),
            "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        }),
    );
    aws["subject_token_type"] = json!("urn:ietf:params:aws:token-type:aws4_request");
    let impersonated = json!({
        "type": "impersonated_service_account", "service_account_impersonation_url": impersonation(&google),
        "source_credentials": user(&google),
    });
    for (name, content) in [
        ("user", user(&google)),
        ("file", external(&google, &in_file)),
        ("url", external(&google, &at_url)),
        ("aws", aws),
        (
            "program",
            external(&google, &json!({"executable": {"command": program()}})),
        ),
        ("impersonated", impersonated),
    ] {
        let google = &google;
        let path = file(name, &content);
        let signer = account(google);
        let app = start(
            google,
            &[
                ("GOOGLE_APPLICATION_CREDENTIALS", &path),
                (ACCOUNT, &signer),
                ("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1"),
            ],
        )
        .await;
        let before = google.calls("iam.signBlob");
        manages_accounts(&app).await;
        assert_eq!(google.calls("iam.signBlob"), before + 1, "{name}");
        // The next kind starts with an empty project.
        google.change(testkit::identity_toolkit::Change {
            forget_accounts: true,
            ..Default::default()
        });
    }
}

#[tokio::test]
async fn metadata_server_manages_accounts() {
    let google = IdentityToolkit::start(PROJECT).await.unwrap();
    let host = base(&google).trim_start_matches("http://").to_owned();
    let app = start(
        &google,
        &[("FIREBASE_CREDENTIALS", "metadata"), ("GCE_METADATA_HOST", &host)],
    )
    .await;
    manages_accounts(&app).await;
    assert_eq!(google.calls("iam.signBlob"), 1);
    assert_eq!(google.calls("metadata.token"), 1);
    assert_eq!(google.calls("oauth2.token"), 0);
}

#[tokio::test]
async fn credentials_that_google_refuses_are_our_outage() {
    let google = IdentityToolkit::start(PROJECT).await.unwrap();
    let missing = json!({"file": "/nowhere/at/all"});
    let no_program = json!({"executable": {"command": "/nowhere/at/all"}});
    let mut revoked = user(&google);
    revoked["refresh_token"] = json!("revoked");
    for content in [
        external(&google, &missing),
        external(&google, &no_program),
        revoked,
    ] {
        let path = file("bad", &content);
        let allowed = ("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
        let app = start(&google, &[("GOOGLE_APPLICATION_CREDENTIALS", &path), allowed]).await;
        let user = json!({"email": "ann@example.org", "password": PASSWORD});
        let refused = app.call("POST", "/v1/auth/register", &user).await;
        assert_eq!((refused.status, refused.code()), (503, "FIREBASE_UNAVAILABLE"));
    }
}
