//! Statements that PostgreSQL ends because of another session's.

use tokio::task::JoinSet;

use crate::database::TestDatabase;
use crate::service::Service;
use crate::support::{Blocker, NO_LIMITS, until, until_blocked, user};

const NOBODY: &str = "00000000-0000-0000-0000-000000000001";

/// Credits while another session blocks it; `in_the_way` then makes PostgreSQL end the service's statement.
async fn credit_through(
    isolation: &str,
    lock: &str,
    in_the_way: impl AsyncFnOnce(&mut Blocker, uuid::Uuid),
) -> (Service, TestDatabase) {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    let name: String = database.value("SELECT current_database()::text").await;
    database
        .execute(&format!(
            "ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'; \
             ALTER DATABASE {name} SET deadlock_timeout = '4s'"
        ))
        .await
        .unwrap();
    let service = Service::start(database.url(), &NO_LIMITS).await;
    let mut blocker = Blocker::begin(&database, &lock.replace("USER", &user.to_string())).await;
    let caller = service.caller();
    let credit = tokio::spawn(async move { caller.credit(user, "conflict-1").await });
    until_blocked(&database, 1).await;
    in_the_way(&mut blocker, user).await;
    blocker.let_go().await;

    let answer = credit.await.unwrap().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["data"]["token_balance"], 1);
    let transfers: i64 = database.value("SELECT count(*) FROM auth.token_transfers").await;
    assert_eq!(transfers, 1);
    (service, database)
}

/// Metrics and log count the cause and the statement equally: once, unless the retried statement takes the row before the waiting session
/// wakes.
async fn assert_told(service: &Service, event: &str, cause: &str) {
    let series = format!("ledger_events_total{{event=\"{event}\"}}");
    let count = service.caller().metric(&series).await;
    assert!(count > 0, "{event} is not counted");
    // The program gathers log lines, and writes them some time after the answer that they describe.
    until("the log tells of the retry", async || {
        service.logged("runs again").len() as u64 >= count
    })
    .await;
    let lines = service.logged("runs again");
    assert_eq!(lines.len() as u64, count, "{lines:?}");
    for line in &lines {
        assert_eq!(line["cause"], cause);
        assert!(
            line["statement"].as_str().is_some_and(|name| !name.is_empty()),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn deadlock_victim_is_retried() {
    // The service holds the user's row and waits for its key, which another session has just written; then that session wants the user's
    // row.
    let same_key = format!(
        "INSERT INTO auth.token_transfers (user_id, version, kind, debit_account, credit_account, amount, balance_after, \
                    reason, caller, idempotency_key, request_hash) \
                    VALUES ('{NOBODY}', 1, 'credit', 'system:x', 'user:{NOBODY}', 1, 1, 'test', 'service:stress', 'conflict-1', sha256(''))"
    );
    let (service, _database) = credit_through("read committed", &same_key, async |blocker, user| {
        // PostgreSQL ends the session that checks for deadlocks first: not this one. The other checks once, after its four seconds; this
        // one waits by then.
        blocker.run("SET LOCAL deadlock_timeout = '30s'").await;
        blocker
            .run(&format!(
                "UPDATE auth.users SET username = 'other' WHERE id = '{user}'"
            ))
            .await;
        blocker.run("ROLLBACK").await;
    })
    .await;
    assert_told(&service, "retried_deadlock", "deadlock").await;
}

#[tokio::test]
async fn unserializable_statement_is_retried() {
    let lock = "UPDATE auth.users SET username = 'other' WHERE id = 'USER'";
    let (service, _database) = credit_through("repeatable read", lock, async |_, _| {}).await;
    assert_told(&service, "retried_serialization", "serialization_failure").await;
}

#[tokio::test]
async fn full_queue_of_one_user_is_429_and_others_are_served() {
    /// One movement in progress, and the most that may wait.
    const ROOM: usize = 1 + 1024;
    let database = TestDatabase::with_connections(2).await;
    let mut connection = database.connect().await;
    let (busy, other) = (user(&mut connection).await, user(&mut connection).await);
    let service = Service::start(database.url(), &NO_LIMITS).await;
    let caller = service.caller();
    let lock = format!("UPDATE auth.users SET username = 'other' WHERE id = '{busy}'");
    let blocker = Blocker::begin(&database, &lock).await;

    let mut credits = JoinSet::new();
    let mut send = |number: usize| {
        let caller = caller.clone();
        credits.spawn(async move { caller.credit(busy, &format!("lane-{number}")).await.unwrap() });
    };
    send(0);
    until_blocked(&database, 1).await;
    (1..ROOM + 3).for_each(&mut send);
    // No other request of this user is answered while the row is locked.
    for _ in 0..3 {
        let refused = credits.join_next().await.unwrap().unwrap();
        assert_eq!(
            (refused.status, refused.code()),
            (429, "RATE_LIMITED"),
            "{refused:?}"
        );
        assert_eq!(refused.retry_after, Some(1));
    }
    assert_eq!(caller.credit(other, "beside").await.unwrap().status, 200);
    assert_eq!(caller.show(busy).await.unwrap().status, 200);

    blocker.let_go().await;
    while let Some(answer) = credits.join_next().await {
        assert_eq!(answer.unwrap().status, 200);
    }
    let balance: i32 = database
        .value(&format!(
            "SELECT token_balance FROM auth.users WHERE id = '{busy}'"
        ))
        .await;
    assert_eq!(usize::try_from(balance), Ok(ROOM));
}
