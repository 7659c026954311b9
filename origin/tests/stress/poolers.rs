//! A pooler between the program and its database.

use std::time::{SystemTime, UNIX_EPOCH};

use testkit::tokens::{LegacyUser, legacy_token};
use uuid::Uuid;

use crate::database::TestDatabase;
use crate::pgbouncer::{PgBouncer, ways_to_prepare};
use crate::service::{Caller, Service};
use crate::support::{NO_LIMITS, until, user};

const LEGACY_SECRET: &str = "legacy-secret-of-the-tests-0123456789";
/// Users who sign out, and users who close their account: so many of each.
const USERS: usize = 60;

async fn user_with_token(database: &TestDatabase, kind: &str, number: usize) -> (Uuid, String) {
    let id = Uuid::new_v4();
    let email = format!("{kind}-{number}@example.org");
    database
        .execute(&format!(
            "INSERT INTO auth.users (id, username, email, password_hash) \
             VALUES ('{id}', '{kind}-{number}', '{email}', '$2b$10$' || repeat('a', 53))"
        ))
        .await
        .unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let known = LegacyUser {
        id: id.to_string(),
        email,
        username: None,
        user_type: "user".to_owned(),
        token_balance: 0,
    };
    let token = legacy_token(
        &known,
        LEGACY_SECRET.as_bytes(),
        i64::try_from(now).unwrap(),
        3600,
    );
    (id, token.mint())
}

/// Signs out the staying users and closes the accounts of the leaving ones, all at the same time.
async fn sign_out_and_leave(callers: &[Caller], staying: &[String], leaving: &[String]) {
    let mut requests = Vec::new();
    for (number, (stays, leaves)) in staying.iter().zip(leaving).enumerate() {
        let caller = callers[number % callers.len()].clone();
        let (stays, leaves) = (stays.clone(), leaves.clone());
        requests.push(tokio::spawn(async move {
            for _ in 0..3 {
                let (out, closed) = tokio::join!(
                    caller.send_as("POST", "/v1/auth/logout", &stays),
                    caller.send_as("DELETE", "/auth/account", &leaves)
                );
                assert_ne!(out.unwrap().status, 500);
                assert_ne!(closed.unwrap().status, 500);
            }
        }));
    }
    for request in requests {
        request.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_out_closes_no_account_behind_a_sharing_pooler() {
    for settings in ways_to_prepare() {
        sign_out_behind_a_shared_session(settings).await;
    }
}

async fn sign_out_behind_a_shared_session(settings: &str) {
    let database = TestDatabase::with_connections(2).await;
    let pooler = PgBouncer::before(database.url(), "transaction", 3, settings)
        .await
        .unwrap();
    let variables = [
        ("DB_POOLER", "transaction"),
        ("DB_POOL_MAX", "6"),
        ("LEGACY_JWT_SECRETS", LEGACY_SECRET),
    ];
    let variables = [&NO_LIMITS[..], &variables].concat();
    let services = [
        Service::start(&pooler.url(database.url()), &variables).await,
        Service::start(&pooler.url(database.url()), &variables).await,
    ];
    let callers: Vec<Caller> = services.iter().map(Service::caller).collect();
    let (mut staying, mut leaving) = (Vec::new(), Vec::new());
    for number in 0..USERS {
        staying.push(user_with_token(&database, "stay", number).await.1);
        leaving.push(user_with_token(&database, "leave", number).await.1);
    }
    sign_out_and_leave(&callers, &staying, &leaving).await;

    let closed = |kind: &str| {
        format!("SELECT count(*) FROM auth.users WHERE username LIKE '{kind}-%' AND NOT is_active")
    };
    assert_eq!(
        database.value::<i64>(&closed("stay")).await,
        0,
        "closed, and only signed out"
    );
    let left: i64 = database
        .value("SELECT count(*) FROM auth.users WHERE email LIKE 'leave-%' AND is_active")
        .await;
    assert_eq!(left, 0, "said to be closed, and still open");

    let earner = user(&mut database.connect().await).await;
    let credits: Vec<_> = (0..40)
        .map(|number| {
            let caller = callers[number % 2].clone();
            tokio::spawn(async move { caller.credit(earner, &format!("key-{}", number / 2)).await })
        })
        .collect();
    for credit in credits {
        let answer = credit.await.unwrap().unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let balance: i32 = database
        .value(&format!(
            "SELECT token_balance FROM auth.users WHERE id = '{earner}'"
        ))
        .await;
    assert_eq!(balance, 20);
    // A refused statement leaves nothing behind either.
    let statements: i64 = database
        .value("SELECT count(*) FROM auth.ledger_differences")
        .await;
    assert_eq!(statements, 0);
    assert_eq!(callers[0].get("/readyz").await.unwrap().status, 200);
}

#[tokio::test]
async fn undeclared_sharing_pooler_is_refused_at_the_start() {
    let database = TestDatabase::with_connections(2).await;
    for mode in ["transaction", "statement"] {
        for settings in ways_to_prepare() {
            let pooler = PgBouncer::before(database.url(), mode, 3, settings)
                .await
                .unwrap();
            let (code, told) = Service::refused(&pooler.url(database.url()), &NO_LIMITS).await;
            assert_eq!(code, Some(64), "{mode}: {told}");
            assert!(told.contains("DB_POOLER=transaction"), "{mode}: {told}");
        }
    }
}

#[tokio::test]
async fn session_pooler_is_served_with_limits() {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    let Some(pooler) = PgBouncer::before(database.url(), "session", 6, "").await else {
        return;
    };
    let variables = [
        ("DB_POOL_MAX", "4"),
        ("DB_STATEMENT_TIMEOUT_MS", "1500"),
        ("DB_POOL_ACQUIRE_MS", "5000"),
    ];
    let service = Service::start(&pooler.url(database.url()), &variables).await;
    let caller = service.caller();
    for number in 0..10 {
        assert_eq!(caller.show(user).await.unwrap().status, 200);
        assert_eq!(
            caller
                .credit(user, &format!("key-{number}"))
                .await
                .unwrap()
                .status,
            200
        );
    }
    // The server stops the statement, not only the program.
    let mut blocker = database.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE auth.users IN ACCESS EXCLUSIVE MODE")
        .execute(&mut blocker)
        .await
        .unwrap();
    caller.show(user).await.unwrap().assert_unavailable();
    until("no statement of the service waits any more", async || {
        database
            .value::<i64>("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
            .await
            == 0
    })
    .await;
    sqlx::raw_sql("COMMIT").execute(&mut blocker).await.unwrap();
}
