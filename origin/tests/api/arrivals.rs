//! New users who arrive while others are being created.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use database::DatabaseError;
use firebase::issuer::StoredIssuer;
use serde_json::json;
use shared::ids::{FirebaseUid, NormalizedEmail, UserId};
use shared::ownership::Proof;
use sqlx::{Connection as _, PgConnection};
use users::audit::RequestSource;
use users::directory::Directory;
use users::rules::sign_in::FirebaseSignIn;
use users::rules::user::UserRecord;
use users::rules::welcome::{ProvenPerson, WelcomeGrant};
use users::statements::users::{Arrival, NewUser};
use uuid::Uuid;

use crate::database::TestDatabase;
use crate::support::{self, TestApp, token, token_with_email};

const PATIENCE: Duration = Duration::from_secs(60);
/// How many statements create users at once.
const LANES: i64 = 1;

#[tokio::test]
async fn users_arriving_during_a_statement_share_the_next_one() {
    let database = TestDatabase::with_connections(12).await;
    let wave = Wave::of(&database, (0..20).map(|n| arrival(&format!("uid-{n}"), None))).await;
    let ids: Vec<Uuid> = wave
        .iter()
        .map(|created| created.as_ref().unwrap().as_ref().unwrap().user.id)
        .collect();
    for (what, expected) in [
        (
            "SELECT count(DISTINCT xmin::text) FROM auth.users WHERE firebase_uid LIKE 'uid-%'",
            1,
        ),
        (
            "SELECT count(*) FROM auth.users WHERE firebase_uid LIKE 'uid-%' AND token_balance = 3",
            20,
        ),
        (
            "SELECT count(*) FROM auth.token_transfers WHERE kind = 'welcome'",
            20 + LANES,
        ),
        (
            "SELECT count(DISTINCT user_id) FROM auth.auth_events WHERE kind = 'user.created' AND details = '{\"provider\": \"phone\"}'",
            20 + LANES,
        ),
        ("SELECT count(*) FROM auth.ledger_differences", 0),
    ] {
        assert_eq!(database.value::<i64>(what).await, expected, "{what}");
    }
    // Each answer is the caller's own.
    for (n, id) in ids.iter().enumerate() {
        let uid: String = database
            .value(&format!("SELECT firebase_uid FROM auth.users WHERE id = '{id}'"))
            .await;
        assert_eq!(uid, format!("uid-{n}"));
    }
}

#[tokio::test]
async fn user_who_cannot_be_created_delays_no_other() {
    let database = TestDatabase::with_connections(12).await;
    database
        .execute("INSERT INTO auth.users (email, password_hash) VALUES ('Ada@Example.org', 'x')")
        .await
        .unwrap();
    let wave = Wave::of(
        &database,
        [
            arrival("has-the-address-of-a-row", Some("ada@example.org")),
            arrival("new", Some("new@example.org")),
            arrival("same-address-as-new", Some("new@example.org")),
            arrival("new", Some("new@example.org")),
            arrival("newer", None),
        ],
    )
    .await;
    let created: Vec<bool> = wave.iter().map(|one| one.as_ref().unwrap().is_some()).collect();
    assert_eq!(created, [false, true, false, false, true]);
}

#[tokio::test]
async fn failed_shared_statement_retries_each_user_alone() {
    let database = TestDatabase::with_connections(12).await;
    database
        .execute("ALTER TABLE auth.users ADD CONSTRAINT test_check CHECK (firebase_uid <> 'refused')")
        .await
        .unwrap();
    let wave = Wave::of(&database, [arrival("refused", None), arrival("welcome", None)]).await;
    for one in &wave {
        assert!(one.as_ref().unwrap().is_none(), "{one:?}");
    }
    // Alone, each user at fault gets the error.
    let directory = Directory::new(database.pool.clone(), None);
    let refused = directory.create_at_first_sight(arrival("refused", None)).await;
    assert!(matches!(refused, Err(DatabaseError::Refused(_))), "{refused:?}");
    let welcome = directory.create_at_first_sight(arrival("welcome", None)).await;
    assert!(welcome.unwrap().is_some());
}

#[tokio::test]
async fn locked_row_of_one_user_delays_no_other() {
    let database = TestDatabase::with_connections(12).await;
    let directory = Directory::new(database.pool.clone(), None);
    let mut other = database.connect().await;
    run(&mut other, "BEGIN").await;
    run(
        &mut other,
        "INSERT INTO auth.users (firebase_uid, auth_provider) VALUES ('slow', 'firebase')",
    )
    .await;
    let slow = {
        let directory = directory.clone();
        tokio::spawn(async move { directory.create_at_first_sight(arrival("slow", None)).await })
    };
    until_blocked(&database, 1).await;
    for n in 0..3 {
        let created = directory.create_at_first_sight(arrival(&format!("quick-{n}"), None));
        assert!(created.await.unwrap().is_some());
    }
    assert!(!slow.is_finished(), "the other transaction still runs");
    run(&mut other, "COMMIT").await;
    assert!(slow.await.unwrap().unwrap().is_none(), "there is such a row now");
    other.close().await.unwrap();
}

/// As many kinds of users as possible, all at once: the result of each does not depend on the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_arriving_user_has_their_own_result() {
    let app = TestApp::start().await;
    app.database
        .execute("ALTER TABLE auth.users ADD CONSTRAINT test_check CHECK (firebase_uid NOT LIKE 'broken-%')")
        .await
        .unwrap();
    let mut calls = Vec::new();
    for n in 0..12 {
        for owner in ["linked", "unproven", "disabled"] {
            app.legacy_user(&format!("{owner}-{n}@example.org")).await;
        }
    }
    app.database
        .execute("UPDATE auth.users SET is_active = false WHERE email LIKE 'disabled-%'")
        .await
        .unwrap();
    for n in 0..12 {
        for (kind, status, token) in [
            ("new", 200, token(&format!("new-{n}"), &json!({}))),
            ("new", 200, token(&format!("new-{n}"), &json!({}))),
            ("linked", 200, by_address("linked", n, true)),
            ("unproven", 409, by_address("unproven", n, false)),
            ("disabled", 403, by_address("disabled", n, true)),
            ("broken", 500, token(&format!("broken-{n}"), &json!({}))),
        ] {
            let request = app.request("GET", "/v1/auth/me").bearer_auth(token);
            calls.push((kind, status, tokio::spawn(support::send(request))));
        }
    }
    for (kind, status, call) in calls {
        assert_eq!(call.await.unwrap().status, status, "{kind}");
    }
    let new: i64 = app
        .database
        .value("SELECT count(*) FROM auth.users WHERE firebase_uid LIKE 'new-%'")
        .await;
    let linked: i64 = app
        .database
        .value(
            "SELECT count(*) FROM auth.users WHERE firebase_uid LIKE 'linked-%' AND auth_provider = 'firebase'",
        )
        .await;
    assert_eq!((new, linked), (12, 12));
    assert_eq!(app.differences().await, Vec::<String>::new());
}

fn by_address(kind: &str, n: usize, verified: bool) -> String {
    token_with_email(
        &format!("{kind}-{n}"),
        &format!("{kind}-{n}@example.org"),
        verified,
    )
}

fn arrival(uid: &str, email: Option<&str>) -> Arc<Arrival> {
    let id = UserId(Uuid::new_v4());
    Arc::new(Arrival {
        sign_in: FirebaseSignIn {
            issuer: StoredIssuer::HOME,
            uid: FirebaseUid::parse(uid).unwrap(),
            email: email.map(|email| NormalizedEmail::parse(email).unwrap()),
            email_verified: email.is_some(),
            proof: Proof::None,
            user: Some(ProvenPerson::of_phone(uid)),
            display_name: None,
            photo_url: None,
            provider: Some("phone".to_owned()),
            signed_in_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        },
        new: NewUser {
            id,
            welcome: WelcomeGrant::new(id, 3),
        },
        source: RequestSource::default(),
    })
}

type Created = Result<Option<UserRecord>, DatabaseError>;

/// Users who all arrive while every worker is busy.
struct Wave;

impl Wave {
    async fn of(database: &TestDatabase, arrivals: impl IntoIterator<Item = Arc<Arrival>>) -> Vec<Created> {
        let directory = Directory::new(database.pool.clone(), None);
        let mut blocker = database.connect().await;
        run(&mut blocker, "BEGIN").await;
        run(&mut blocker, "LOCK TABLE auth.users IN SHARE MODE").await;
        let mut first = Vec::new();
        // One worker after the other: together they would share the first one.
        for lane in 1..=LANES {
            let directory = directory.clone();
            first.push(tokio::spawn(async move {
                directory
                    .create_at_first_sight(arrival(&format!("first-{lane}"), None))
                    .await
            }));
            until_blocked(database, lane).await;
        }
        let mut waiting: Vec<Pin<Box<dyn Future<Output = Created> + '_>>> = Vec::new();
        for arrival in arrivals {
            waiting.push(Box::pin(directory.create_at_first_sight(arrival)));
        }
        // One poll queues each question, in this order.
        poll_fn(|context| {
            assert!(
                waiting
                    .iter_mut()
                    .all(|one| one.as_mut().poll(context).is_pending())
            );
            Poll::Ready(())
        })
        .await;
        run(&mut blocker, "COMMIT").await;
        for one in first {
            assert!(one.await.unwrap().unwrap().is_some());
        }
        let mut answers = Vec::new();
        for one in waiting {
            answers.push(one.await);
        }
        blocker.close().await.unwrap();
        answers
    }
}

async fn run(connection: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.unwrap();
}

async fn until_blocked(database: &TestDatabase, count: i64) {
    let started = Instant::now();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while database.value::<i64>(waiting).await < count {
        assert!(started.elapsed() < PATIENCE, "the first statements never waited");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
