//! A uid names a user of one project and tenant only.

use std::collections::BTreeSet;

use origin::app::AppState;
use origin::telemetry::Traces;
use serde_json::{Value, json};
use shared::time::UnixTime;
use users::audit::RequestSource;
use uuid::Uuid;

use crate::database::TestDatabase;
use crate::support::{ADMIN_KEY, PROJECT, TestApp, configuration, now, send, token};

const SECOND: &str = "demo-second";

/// A token of `uid` at `project`, of its `tenant` if that is not empty.
fn token_of(project: &str, tenant: &str, uid: &str, claims: &Value) -> String {
    let mut all = json!({
        "iss": format!("https://securetoken.google.com/{project}"),
        "aud": project,
        "firebase": {"identities": {}, "sign_in_provider": "password"},
    });
    if !tenant.is_empty() {
        all["firebase"]["tenant"] = tenant.into();
    }
    all.as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    token(uid, &all)
}

async fn id(app: &TestApp, token: &str) -> String {
    let me = app.get("/v1/auth/me", token).await.expect(200);
    me.body["data"]["user"]["id"].as_str().unwrap().to_owned()
}

async fn on(database: TestDatabase, projects: &str, tenant: &str) -> TestApp {
    TestApp::start_on(
        database,
        &[("FIREBASE_PROJECT_ID", projects), ("FIREBASE_TENANT_ID", tenant)],
    )
    .await
}

/// The id of the user in `token`, for another process with other variables on the same database.
async fn as_configured(url: &str, variables: &[(&str, &str)], token: &str) -> Uuid {
    let other = AppState::new(configuration(url, variables), Traces::default()).unwrap();
    let at = UnixTime::from_secs(now());
    let verified = other.verifier.verify(token, at).await.unwrap();
    let user = other
        .accounts
        .user_of(&verified, &RequestSource::default())
        .await
        .unwrap();
    other.pool.close().await;
    user.user().id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn same_uid_of_two_projects_is_two_users() {
    let app = on(
        TestDatabase::with_connections(4).await,
        &format!("{PROJECT},{SECOND}"),
        "",
    )
    .await;
    let of = |project: &str| token_of(project, "", "uid-1", &json!({"name": project}));
    // All at once: look-ups and creations of both share statements.
    let calls: Vec<_> = (0..40)
        .map(|n| {
            let project = if n % 2 == 0 { PROJECT } else { SECOND };
            let request = app.request("GET", "/v1/auth/me").bearer_auth(of(project));
            (project, tokio::spawn(send(request)))
        })
        .collect();
    let mut seen = BTreeSet::new();
    for (project, call) in calls {
        let me = call.await.unwrap().expect(200);
        let user = &me.body["data"]["user"];
        assert_eq!(user["display_name"], project);
        seen.insert((project, user["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(app.users().await, 2);
    let ids: BTreeSet<String> = seen.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), 2);

    // A change to one leaves the other as it is.
    let second = id(&app, &of(SECOND)).await;
    app.call_with_key(
        "POST",
        &format!("/v1/users/{second}/deactivate"),
        ADMIN_KEY,
        &json!({}),
    )
    .await
    .expect(200);
    app.get("/v1/auth/me", &of(SECOND)).await.expect(403);
    app.get("/v1/auth/me", &of(PROJECT)).await.expect(200);
    assert_eq!(app.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn row_without_issuer_belongs_to_the_first_configured_project() {
    let database = TestDatabase::with_connections(4).await;
    sqlx::query("INSERT INTO auth.users (firebase_uid, auth_provider) VALUES ('uid-1', 'firebase')")
        .execute(&database.pool)
        .await
        .unwrap();
    let before: Uuid = database.value("SELECT id FROM auth.users").await;
    let url = database.url().to_owned();
    let of = |project: &str| token_of(project, "", "uid-1", &json!({}));
    let app = on(database, PROJECT, "").await;
    assert_eq!(id(&app, &of(PROJECT)).await, before.to_string());
    // Neither a list in another order nor another project alone gives the row to another user.
    for projects in [format!("{SECOND},{PROJECT}"), SECOND.to_owned()] {
        let user = as_configured(&url, &[("FIREBASE_PROJECT_ID", &projects)], &of(SECOND)).await;
        assert_ne!(user, before, "{projects}");
    }
    assert_eq!(id(&app, &of(PROJECT)).await, before.to_string());
    assert_eq!(app.users().await, 2);
}

#[tokio::test]
async fn same_uid_of_two_tenants_is_two_users() {
    let app = on(TestDatabase::with_connections(4).await, PROJECT, "tenant-a").await;
    let one = id(&app, &token_of(PROJECT, "tenant-a", "uid-1", &json!({}))).await;
    let url = app.database.url().to_owned();
    for (tenant, same) in [("tenant-b", false), ("tenant-a", true)] {
        let token = token_of(PROJECT, tenant, "uid-1", &json!({}));
        let user = as_configured(&url, &[("FIREBASE_TENANT_ID", tenant)], &token).await;
        assert_eq!(user.to_string() == one, same, "{tenant}");
    }
}

/// Another project's user must not reach the account with their uid in the project that we manage. There is no Firebase here: a call would
/// fail with 503.
#[tokio::test]
async fn account_of_another_project_is_not_touched_by_its_uid() {
    let app = on(
        TestDatabase::with_connections(4).await,
        &format!("{PROJECT},{SECOND}"),
        "",
    )
    .await;
    let claims = json!({"email": "eve@example.org", "email_verified": true});
    let eve = token_of(SECOND, "", "uid-1", &claims);
    id(&app, &eve).await;
    let changed = app
        .call_as("PATCH", "/v1/auth/profile", &eve, &json!({"displayName": "Eve"}))
        .await
        .expect(200);
    assert_eq!(changed.body["data"]["displayName"], "Eve");
    // Another project has their password: only a recent sign-in proves the user.
    let mut old = claims.clone();
    old["auth_time"] = (now() - 3_000).into();
    old["iat"] = (now() - 10).into();
    let body = json!({"password": "whatever-1"});
    app.call_as(
        "DELETE",
        "/v1/auth/user",
        &token_of(SECOND, "", "uid-1", &old),
        &body,
    )
    .await
    .expect(401);
    app.call_as("DELETE", "/v1/auth/user", &eve, &json!({}))
        .await
        .expect(200);
    app.get("/v1/auth/me", &eve).await.expect(403);
}
