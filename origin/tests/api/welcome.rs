//! Welcome tokens: once for each person who has proven an address or number, over all of their rows.

use serde_json::json;
use shared::ids::{NormalizedEmail, UserId};
use users::audit::{Actor, RequestSource};
use users::rules::welcome::ProvenPerson;
use users::statements::accounts;
use users::welcome::welcome_due;
use uuid::Uuid;

use crate::database::TestDatabase;
use crate::support::{TestApp, now, send, token};

/// A sign-in of `uid` with an address, `ago` seconds ago.
fn signed_in(uid: &str, email: &str, verified: bool, ago: i64) -> String {
    let at = now() - ago;
    token(
        uid,
        &json!({"email": email, "email_verified": verified, "auth_time": at, "iat": at}),
    )
}

async fn balance(app: &TestApp, token: &str) -> i64 {
    let me = app.get("/v1/auth/me", token).await.expect(200);
    me.body["data"]["user"]["token_balance"].as_i64().unwrap()
}

async fn close(app: &TestApp, uid: &str) {
    let id: Uuid = app
        .database
        .value(&format!("SELECT id FROM auth.users WHERE firebase_uid = '{uid}'"))
        .await;
    let mut connection = app.database.connect().await;
    let closed = accounts::close(
        &mut connection,
        UserId(id),
        &Actor::user(),
        &RequestSource::default(),
    )
    .await;
    assert!(closed.unwrap().is_some());
}

/// All welcome tokens so far.
async fn given(app: &TestApp) -> i64 {
    assert_eq!(app.differences().await, Vec::<String>::new());
    app.database
        .value("SELECT coalesce(sum(amount), 0)::bigint FROM auth.token_transfers WHERE kind = 'welcome'")
        .await
}

#[tokio::test]
async fn unproven_address_gets_its_welcome_once_proven() {
    let app = TestApp::start().await;
    let email = "Ada@example.org";
    assert_eq!(balance(&app, &signed_in("uid-1", email, false, 30)).await, 0);
    assert_eq!(balance(&app, &signed_in("uid-1", email, true, 20)).await, 3);
    assert_eq!(balance(&app, &signed_in("uid-1", email, true, 10)).await, 3);
    // A user who has proven nothing.
    assert_eq!(balance(&app, &token("anonymous", &json!({}))).await, 0);
    assert_eq!(given(&app).await, 3);
}

#[tokio::test]
async fn person_who_closes_and_registers_again_has_no_second_welcome() {
    let app = TestApp::start().await;
    let mut seen = Vec::new();
    for n in 0..5 {
        let uid = format!("uid-{n}");
        // Each time in another case, proven at once or later.
        let email = if n % 2 == 0 {
            "Ann@example.org"
        } else {
            "ann@EXAMPLE.org"
        };
        if n > 2 {
            balance(&app, &signed_in(&uid, email, false, 30)).await;
        }
        seen.push(balance(&app, &signed_in(&uid, email, true, 20)).await);
        close(&app, &uid).await;
    }
    assert_eq!(seen, [3, 0, 0, 0, 0]);
    assert_eq!(given(&app).await, 3);
}

#[tokio::test]
async fn address_used_before_brings_no_second_welcome() {
    let app = TestApp::start().await;
    assert_eq!(
        balance(&app, &signed_in("uid-1", "a@example.org", true, 40)).await,
        3
    );
    // The user takes another address and leaves this one to a second account.
    assert_eq!(
        balance(&app, &signed_in("uid-1", "b@example.org", true, 30)).await,
        3
    );
    assert_eq!(welcome_due(&app.app.pool, 3).await.unwrap(), 0);
    assert_eq!(
        balance(&app, &signed_in("uid-2", "a@example.org", true, 20)).await,
        0
    );
    close(&app, "uid-1").await;
    assert_eq!(
        balance(&app, &signed_in("uid-3", "b@example.org", true, 10)).await,
        0
    );
    assert_eq!(given(&app).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_sign_ins_count_as_one_person() {
    let app = TestApp::start_on(TestDatabase::with_connections(4).await, &[("DB_POOL_MAX", "8")]).await;
    // One phone number, twenty accounts.
    let first = (0..20).map(|n| token(&format!("phone-{n}"), &json!({"phone_number": "+491701234567"})));
    all_at_once(&app, first).await;
    assert_eq!(given(&app).await, 3);
    // One account with a newly proven address, in twenty sessions.
    balance(&app, &signed_in("uid-1", "ada@example.org", false, 100)).await;
    let proven = (0..20).map(|n| signed_in("uid-1", "ada@example.org", true, 50 - n));
    all_at_once(&app, proven).await;
    while welcome_due(&app.app.pool, 3).await.unwrap() > 0 {}
    assert_eq!(given(&app).await, 6);
    let due: i64 = app.database.value("SELECT count(*) FROM auth.welcome_dues").await;
    assert_eq!(due, 0);
}

async fn all_at_once(app: &TestApp, tokens: impl Iterator<Item = String>) {
    let calls: Vec<_> = tokens
        .map(|token| tokio::spawn(send(app.request("GET", "/v1/auth/me").bearer_auth(token))))
        .collect();
    for call in calls {
        call.await.unwrap().expect(200);
    }
}

#[tokio::test]
async fn locked_row_delays_no_other_welcome() {
    let patience = [("DB_STATEMENT_TIMEOUT_MS", "500")];
    let app = TestApp::start_on(TestDatabase::with_connections(4).await, &patience).await;
    let users = ["uid-1", "uid-2"].map(|uid| signed_in(uid, &format!("{uid}@example.org"), false, 30));
    for (uid, user) in ["uid-1", "uid-2"].into_iter().zip(&users) {
        balance(&app, user).await;
        let prove = format!("UPDATE auth.users SET email_verified = true WHERE firebase_uid = '{uid}'");
        app.database.execute(&prove).await.unwrap();
    }
    let mut transaction = app.database.connect().await;
    let lock = "BEGIN; SELECT FROM auth.users WHERE firebase_uid = 'uid-1' FOR UPDATE";
    sqlx::raw_sql(lock).execute(&mut transaction).await.unwrap();
    welcome_due(&app.app.pool, 3).await.unwrap_err();
    assert_eq!(given(&app).await, 3, "to the second");
    sqlx::raw_sql("ROLLBACK").execute(&mut transaction).await.unwrap();
    assert_eq!(welcome_due(&app.app.pool, 3).await.unwrap(), 1);
    assert_eq!(balance(&app, &users[0]).await, 3);
}

/// By a sync, an operator, an older release, or a process that died before the grant.
#[tokio::test]
async fn proof_by_any_writer_brings_the_welcome_later() {
    let app = TestApp::start().await;
    let unproven = signed_in("uid-1", "ada@example.org", false, 30);
    balance(&app, &unproven).await;
    let prove = "UPDATE auth.users SET email_verified = true WHERE firebase_uid = 'uid-1'";
    app.database.execute(prove).await.unwrap();
    assert_eq!(given(&app).await, 0);
    assert_eq!(welcome_due(&app.app.pool, 3).await.unwrap(), 1);
    assert_eq!(welcome_due(&app.app.pool, 3).await.unwrap(), 0);
    assert_eq!(balance(&app, &unproven).await, 3);
    // A row of an older release.
    app.database
        .execute(
            "WITH made AS (INSERT INTO auth.users (firebase_uid, auth_provider, email, email_verified, token_balance, ledger_version) \
             VALUES ('uid-2', 'firebase', 'ben@example.org', true, 3, 1) RETURNING id) \
             INSERT INTO auth.token_transfers (user_id, version, kind, debit_account, credit_account, amount, balance_after, reason, caller) \
             SELECT id, 1, 'welcome', 'system:issued', 'user:' || id, 3, 3, 'welcome', 'origin' FROM made",
        )
        .await
        .unwrap();
    close(&app, "uid-2").await;
    assert_eq!(
        balance(&app, &signed_in("uid-3", "ben@example.org", true, 10)).await,
        0
    );
    assert_eq!(given(&app).await, 6);
}

#[tokio::test]
async fn legacy_user_keeps_their_balance() {
    let app = TestApp::start().await;
    app.legacy_user("ada@example.org").await;
    assert_eq!(
        balance(&app, &signed_in("uid-1", "ada@example.org", true, 10)).await,
        7
    );
    assert_eq!(welcome_due(&app.app.pool, 3).await.unwrap(), 0);
    assert_eq!(
        balance(&app, &signed_in("uid-1", "ada@example.org", true, 5)).await,
        7
    );
    assert_eq!(given(&app).await, 0);
}

#[tokio::test]
async fn database_and_program_compute_the_same_person() {
    let database = TestDatabase::with_connections(1).await;
    for address in ["ada@example.org", "Zoë@Example.org", "ÉCOLE@example.org"] {
        let known = ProvenPerson::of_address(&NormalizedEmail::parse(address).unwrap());
        let computed: Vec<u8> = database
            .value(&format!("SELECT auth.person_of_address('{address}')"))
            .await;
        assert_eq!(computed, known.as_bytes(), "{address}");
    }
}
