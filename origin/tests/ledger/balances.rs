//! No balance is ever negative, too large, or other than the sum of its transfers.

use std::collections::BTreeMap;

use ledger::{LedgerError, MAX_BALANCE};
use shared::ids::UserId;
use uuid::Uuid;

use crate::fixture::{Fixture, credit, debit, key, refusal, tally, together};

#[tokio::test(flavor = "multi_thread")]
async fn exactly_as_many_debits_succeed_as_the_balance_covers() {
    let fixture = Fixture::new().await;
    // 100 debits of 3 against 100 tokens: 33 fit, one token stays.
    let user = fixture.user(100).await;
    let outcomes = together((0..100).map(|index| {
        let ledger = fixture.ledger.clone();
        async move {
            ledger
                .move_tokens(key(&format!("d{index}")), debit(user, 3))
                .await
        }
    }))
    .await;
    assert_eq!(
        tally(&outcomes),
        BTreeMap::from([("made", 33), ("INSUFFICIENT_TOKENS", 67)])
    );
    assert_eq!(fixture.balance(user).await, 1);
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_together_spend_no_token_twice() {
    // Each ledger has a queue of its own, like two replicas: only PostgreSQL orders them.
    let fixture = Fixture::with_connections(16).await;
    let user = fixture.user(50).await;
    let replicas: Vec<_> = (0..8)
        .map(|_| ledger::Ledger::new(fixture.database.pool.clone()))
        .collect();
    let outcomes = together((0..160).map(|index| {
        let ledger = replicas[index % replicas.len()].clone();
        async move {
            ledger
                .move_tokens(key(&format!("d{index}")), debit(user, 1))
                .await
        }
    }))
    .await;
    assert_eq!(
        tally(&outcomes),
        BTreeMap::from([("made", 50), ("INSUFFICIENT_TOKENS", 110)])
    );
    assert_eq!(fixture.balance(user).await, 0);
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_and_debits_of_many_users_all_count() {
    let fixture = Fixture::with_connections(16).await;
    let mut users = Vec::new();
    for _ in 0..20 {
        users.push(fixture.user(10_000).await);
    }
    let outcomes = together((0..2000_usize).map(|index| {
        let (ledger, user) = (fixture.ledger.clone(), users[index % users.len()]);
        async move {
            let movement = if index % 3 == 0 {
                debit(user, 7)
            } else {
                credit(user, 5)
            };
            ledger.move_tokens(key(&format!("m{index}")), movement).await
        }
    }))
    .await;
    assert_eq!(tally(&outcomes), BTreeMap::from([("made", 2000)]));
    let debits = (0..2000).filter(|index| index % 3 == 0).count() as i64;
    let total: i64 = fixture
        .database
        .value("SELECT sum(token_balance)::bigint FROM auth.users")
        .await;
    assert_eq!(total, 20 * 10_000 + (2000 - debits) * 5 - debits * 7);
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_movements_share_a_statement_in_order() {
    let fixture = Fixture::new().await;
    let user = fixture.user(0).await;
    // The queue's first movement waits for this lock; the others gather behind it.
    let mut other = fixture.database.connect().await;
    let mut lock = sqlx::Connection::begin(&mut other).await.unwrap();
    sqlx::query("SELECT FROM auth.users WHERE id = $1 FOR UPDATE")
        .bind(user.0)
        .execute(&mut *lock)
        .await
        .unwrap();
    let tasks: Vec<_> = (1..=40)
        .map(|amount| {
            let ledger = fixture.ledger.clone();
            tokio::spawn(async move {
                ledger
                    .move_tokens(key(&format!("c{amount}")), credit(user, amount))
                    .await
            })
        })
        .collect();
    fixture
        .until("SELECT count(*) >= 1 FROM pg_locks WHERE NOT granted")
        .await;
    lock.rollback().await.unwrap();
    for task in tasks {
        assert!(!task.await.unwrap().unwrap().replayed);
    }
    let counts = fixture.ledger.counters().snapshot();
    assert!(counts.batches >= 1, "{counts:?}");
    assert_eq!((counts.moved, counts.batches_split), (40, 0), "{counts:?}");
    assert_eq!(fixture.balance(user).await, (1..=40).sum::<i32>());
    // Numbers, versions and balances rise together.
    let ordered: bool = fixture
        .database
        .value(
            "SELECT bool_and(id > before_id) FROM (SELECT id, lag(id, 1, 0::bigint) OVER (ORDER BY version) AS before_id \
             FROM auth.token_transfers) AS ordered",
        )
        .await;
    assert!(ordered);
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn overflowing_credit_is_refused_and_changes_nothing() {
    let fixture = Fixture::new().await;
    let user = fixture.user(i64::from(MAX_BALANCE)).await;
    let outcome = fixture.ledger.move_tokens(key("one more"), credit(user, 1)).await;
    assert_eq!(refusal(outcome), LedgerError::BalanceOverflow);
    assert_eq!(fixture.balance(user).await, MAX_BALANCE);
    // There is room now, and the same request succeeds: a refusal was not remembered.
    fixture
        .ledger
        .move_tokens(key("room"), debit(user, 1))
        .await
        .unwrap();
    fixture
        .ledger
        .move_tokens(key("one more"), credit(user, 1))
        .await
        .unwrap();
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_credits_stop_at_the_largest_balance() {
    let fixture = Fixture::new().await;
    let user = fixture.user(i64::from(MAX_BALANCE) - 25).await;
    let outcomes = together((0..30).map(|index| {
        let ledger = fixture.ledger.clone();
        async move {
            ledger
                .move_tokens(key(&format!("c{index}")), credit(user, 2))
                .await
        }
    }))
    .await;
    assert_eq!(
        tally(&outcomes),
        BTreeMap::from([("made", 12), ("BALANCE_OVERFLOW", 18)])
    );
    assert_eq!(fixture.balance(user).await, MAX_BALANCE - 1);
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn unknown_user_differs_from_empty_balance() {
    let fixture = Fixture::new().await;
    let nobody = UserId(Uuid::new_v4());
    for movement in [credit(nobody, 1), debit(nobody, 1)] {
        let outcome = fixture.ledger.move_tokens(key("k"), movement).await;
        assert_eq!(refusal(outcome), LedgerError::UserNotFound);
    }
    assert_eq!(
        refusal(fixture.ledger.balance(nobody).await),
        LedgerError::UserNotFound
    );
    let rows: i64 = fixture
        .database
        .value("SELECT count(*) FROM auth.token_transfers")
        .await;
    assert_eq!(rows, 0);
}
