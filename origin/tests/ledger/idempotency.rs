//! One key, one effect, one answer.

use std::collections::BTreeMap;

use ledger::Ledger;
use ledger::{Caller, IdempotencyKey, IdempotencyToken, LedgerError, Reference};

use crate::fixture::{Fixture, credit, debit, key, refusal, tally, together};

#[tokio::test(flavor = "multi_thread")]
async fn hundred_requests_under_one_key_have_one_effect_and_one_answer() {
    let fixture = Fixture::with_connections(20).await;
    let user = fixture.user(10).await;
    // A queue for each request, to make them meet in PostgreSQL; and one queue for all, to make them meet before it.
    for (name, replicas) in [("apart", 100), ("queued", 1)] {
        let ledgers: Vec<_> = (0..replicas)
            .map(|_| Ledger::new(fixture.database.pool.clone()))
            .collect();
        let before = fixture.balance(user).await;
        let outcomes = together((0..100_usize).map(|index| {
            let ledger = ledgers[index % replicas].clone();
            async move { ledger.move_tokens(key(name), credit(user, 7)).await }
        }))
        .await;
        assert_eq!(
            tally(&outcomes),
            BTreeMap::from([("made", 1), ("replayed", 99)]),
            "{name}"
        );
        let first = &outcomes[0].as_ref().unwrap().transfer;
        assert!(
            outcomes
                .iter()
                .all(|outcome| &outcome.as_ref().unwrap().transfer == first),
            "{name}"
        );
        assert_eq!(fixture.balance(user).await, before + 7, "{name}");
    }
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeat_of_a_debit_that_emptied_the_balance_is_answered() {
    // The repeat that waited for the row sees an empty balance and, in its old snapshot, no earlier request.
    let fixture = Fixture::with_connections(20).await;
    let ledgers: Vec<_> = (0..20)
        .map(|_| Ledger::new(fixture.database.pool.clone()))
        .collect();
    for round in 0..20 {
        let user = fixture.user(5).await;
        let outcomes = together(ledgers.iter().cloned().map(|ledger| {
            let token = key(&format!("all-{round}"));
            async move { ledger.move_tokens(token, debit(user, 5)).await }
        }))
        .await;
        assert_eq!(
            tally(&outcomes),
            BTreeMap::from([("made", 1), ("replayed", 19)]),
            "round {round}"
        );
    }
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn repeat_long_after_gets_the_first_answer() {
    let fixture = Fixture::new().await;
    let user = fixture.user(0).await;
    let first = fixture
        .ledger
        .move_tokens(key("k"), credit(user, 5))
        .await
        .unwrap();
    fixture
        .ledger
        .move_tokens(key("other"), debit(user, 4))
        .await
        .unwrap();
    let again = fixture
        .ledger
        .move_tokens(key("k"), credit(user, 5))
        .await
        .unwrap();
    assert_eq!(again.transfer, first.transfer);
    assert_eq!((again.replayed, again.transfer.balance_after), (true, 5));
    assert_eq!(fixture.balance(user).await, 1);
    // The list of transfers has the same answer.
    let page = fixture
        .ledger
        .transfers(user, None, ledger::PageSize::DEFAULT)
        .await
        .unwrap();
    assert_eq!(page.transfers[1], first.transfer);
}

#[tokio::test]
async fn key_used_for_another_request_is_refused() {
    let fixture = Fixture::new().await;
    let (user, other) = (fixture.user(10).await, fixture.user(10).await);
    fixture
        .ledger
        .move_tokens(key("k"), credit(user, 5))
        .await
        .unwrap();
    let mut referenced = credit(user, 5);
    referenced.description.reference = Some(Reference::parse("job-1").unwrap());
    for movement in [credit(user, 6), debit(user, 5), credit(other, 5), referenced] {
        let outcome = fixture.ledger.move_tokens(key("k"), movement).await;
        assert_eq!(refusal(outcome), LedgerError::IdempotencyKeyReused);
    }
    assert_eq!(
        (fixture.balance(user).await, fixture.balance(other).await),
        (15, 10)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_different_requests_racing_under_one_key_wins() {
    let fixture = Fixture::with_connections(20).await;
    let mut users = Vec::new();
    for _ in 0..10 {
        users.push(fixture.user(0).await);
    }
    let outcomes = together(users.iter().map(|user| {
        let (ledger, user) = (Ledger::new(fixture.database.pool.clone()), *user);
        async move { ledger.move_tokens(key("race"), credit(user, 1)).await }
    }))
    .await;
    assert_eq!(
        tally(&outcomes),
        BTreeMap::from([("made", 1), ("IDEMPOTENCY_KEY_REUSED", 9)])
    );
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicting_requests_in_one_queue_harm_no_other() {
    let fixture = Fixture::new().await;
    let user = fixture.user(0).await;
    let outcomes = together((0..120_i64).map(|index| {
        let ledger = fixture.ledger.clone();
        // Every third shares one key with other amounts.
        let (token, amount) = if index % 3 == 0 {
            (key("shared"), 1 + index % 2)
        } else {
            (key(&format!("own{index}")), 1)
        };
        async move { ledger.move_tokens(token, credit(user, amount)).await }
    }))
    .await;
    assert_eq!(
        tally(&outcomes),
        BTreeMap::from([("made", 81), ("replayed", 19), ("IDEMPOTENCY_KEY_REUSED", 20)])
    );
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn keys_belong_to_their_callers() {
    let fixture = Fixture::new().await;
    let user = fixture.user(0).await;
    for service in ["archive", "assessment"] {
        let token = IdempotencyToken {
            caller: Caller::service(service).unwrap(),
            key: IdempotencyKey::parse("job-1").unwrap(),
        };
        let receipt = fixture.ledger.move_tokens(token, credit(user, 5)).await.unwrap();
        assert!(!receipt.replayed, "{service}");
    }
    assert_eq!(fixture.balance(user).await, 10);
}

#[tokio::test]
async fn refused_request_may_be_sent_again() {
    let fixture = Fixture::new().await;
    let user = fixture.user(1).await;
    assert_eq!(
        refusal(fixture.ledger.move_tokens(key("k"), debit(user, 2)).await),
        LedgerError::InsufficientTokens
    );
    fixture
        .ledger
        .move_tokens(key("more"), credit(user, 1))
        .await
        .unwrap();
    assert!(
        !fixture
            .ledger
            .move_tokens(key("k"), debit(user, 2))
            .await
            .unwrap()
            .replayed
    );
    assert_eq!(fixture.balance(user).await, 0);
}

#[tokio::test]
async fn caller_without_keys_moves_tokens_each_time() {
    let fixture = Fixture::new().await;
    let user = fixture.user(0).await;
    for _ in 0..2 {
        let caller = Caller::service("archive").unwrap();
        let receipt = fixture
            .ledger
            .move_tokens_unnamed(caller, credit(user, 5))
            .await
            .unwrap();
        assert!(!receipt.replayed);
    }
    assert_eq!(fixture.balance(user).await, 10);
    fixture.assert_adds_up().await;
}
