//! A Firebase sign-in with the address of an existing account.

use serde_json::json;

use crate::support::{TestApp, token, token_with_email};

#[tokio::test]
async fn verified_address_links_the_local_account_unchanged() {
    let app = TestApp::start().await;
    let id = app.legacy_user("Ada@Example.org").await;
    let me = app
        .get("/v1/auth/me", &token_with_email("uid-1", "ada@example.org", true))
        .await
        .expect(200);
    let user = &me.body["data"]["user"];
    for (name, value) in [
        ("id", json!(id)),
        ("email", json!("Ada@Example.org")),
        ("username", json!("AdaExample.org")),
        ("token_balance", json!(7)),
        // The legacy password may be another's: it is set aside.
        ("auth_provider", json!("firebase")),
        ("email_verified", json!(true)),
        ("firebase_uid", json!("uid-1")),
    ] {
        assert_eq!(user[name], value, "{name}");
    }
    let events: Vec<String> = app
        .database
        .value("SELECT array_agg(kind ORDER BY kind) FROM auth.auth_events")
        .await;
    assert_eq!(events, ["ownership.changed", "user.linked"]);
    let aside: (String, String) = sqlx::query_as("SELECT user_id::text, reason FROM auth.set_aside_hashes")
        .fetch_one(&mut app.database.connect().await)
        .await
        .unwrap();
    assert_eq!(aside, (id, "address_proven".to_owned()));
    assert_eq!(app.differences().await, Vec::<String>::new());
}

#[tokio::test]
async fn unproven_address_claims_no_account() {
    for (case, sql, verified) in [
        ("the address is not verified", "SELECT 1", false),
        (
            "the row is linked to an account that has proven the address",
            "UPDATE auth.users SET firebase_uid = 'other', auth_provider = 'hybrid', email_verified = true",
            true,
        ),
    ] {
        let app = TestApp::start().await;
        app.legacy_user("ada@example.org").await;
        app.database.execute(sql).await.unwrap();
        let refused = app
            .get(
                "/v1/auth/me",
                &token_with_email("uid-1", "ADA@example.org", verified),
            )
            .await;
        assert_eq!(
            (refused.status, refused.code()),
            (409, "ACCOUNT_LINK_CONFLICT"),
            "{case}"
        );
        let unchanged: i64 = app
            .database
            .value("SELECT count(*) FROM auth.users WHERE firebase_uid IS DISTINCT FROM 'uid-1'")
            .await;
        assert_eq!(unchanged, 1, "{case}");
    }
}

#[tokio::test]
async fn deactivated_account_is_not_linked() {
    let app = TestApp::start().await;
    app.legacy_user("ada@example.org").await;
    app.database
        .execute("UPDATE auth.users SET is_active = false")
        .await
        .unwrap();
    let refused = app
        .get("/v1/auth/me", &token_with_email("uid-1", "ada@example.org", true))
        .await;
    assert_eq!((refused.status, refused.code()), (403, "USER_DISABLED"));
    // A caller who has not proven the mailbox does not learn that the account is disabled.
    let refused = app
        .get(
            "/v1/auth/me",
            &token_with_email("uid-2", "ada@example.org", false),
        )
        .await;
    assert_eq!((refused.status, refused.code()), (409, "ACCOUNT_LINK_CONFLICT"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_racing_accounts_gets_the_row() {
    let app = TestApp::start().await;
    app.legacy_user("ada@example.org").await;
    let calls: Vec<_> = (0..40)
        .map(|n| {
            let token = token_with_email(&format!("uid-{}", n % 2), "ada@example.org", true);
            tokio::spawn(crate::support::send(
                app.request("GET", "/v1/auth/me").bearer_auth(token),
            ))
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 20], [409; 20]].concat());
    assert_eq!(app.users().await, 1);
}

#[tokio::test]
async fn address_follows_firebase_only_when_verified_and_free() {
    let app = TestApp::start().await;
    app.get(
        "/v1/auth/me",
        &token_with_email("other", "taken@example.org", true),
    )
    .await
    .expect(200);
    let first = crate::support::now() - 1000;
    let at = |step: i64, email: &str, verified: bool| {
        token(
            "uid-1",
            &json!({"email": email, "email_verified": verified, "auth_time": first + step}),
        )
    };
    for (step, email, verified, expected) in [
        (0, "one@example.org", false, "one@example.org"),
        (1, "two@example.org", false, "one@example.org"),
        (2, "taken@example.org", true, "one@example.org"),
        (3, "three@example.org", true, "three@example.org"),
    ] {
        let me = app
            .get("/v1/auth/me", &at(step, email, verified))
            .await
            .expect(200);
        assert_eq!(me.body["data"]["user"]["email"], expected, "step {step}");
    }
}
