//! Reserve, then capture or release, or let it expire: once.

use std::time::Duration;

use database::leases::{self, Job};
use ledger::{Amount, HoldId, HoldLifetime, HoldState, LedgerError, MAX_BALANCE, Settlement};
use ledger::{Ledger, LedgerFailure, Sweep};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use crate::fixture::{Fixture, credit, debit, hold, key, refusal, together};

impl Fixture {
    /// Waits until `condition` answers true.
    pub async fn until(&self, condition: &str) {
        let waiting = async {
            while !self.database.value::<bool>(condition).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting)
            .await
            .unwrap_or_else(|_| panic!("never came true: {condition}"));
    }

    /// Expires every open hold. Rows of holds cannot be changed, therefore the clock is moved.
    pub async fn let_holds_lapse(&self) {
        let mut connection = self.database.connect().await;
        sqlx::raw_sql(
            "SET session_replication_role = replica; \
             UPDATE auth.token_holds SET created_at = created_at - interval '8 days', \
                 expires_at = expires_at - interval '8 days' WHERE state = 'reserved';",
        )
        .execute(&mut connection)
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn reserved_tokens_cannot_be_spent_until_settled() {
    let fixture = Fixture::new().await;
    let user = fixture.user(10).await;
    let one = fixture.ledger.reserve(&key("r1"), &hold(user, 6)).await.unwrap();
    let two = fixture.ledger.reserve(&key("r2"), &hold(user, 4)).await.unwrap();
    assert_eq!((fixture.balance(user).await, fixture.held(user).await), (0, 10));
    assert_eq!(
        refusal(fixture.ledger.move_tokens(key("d"), debit(user, 1)).await),
        LedgerError::InsufficientTokens
    );
    assert_eq!(
        refusal(fixture.ledger.reserve(&key("r3"), &hold(user, 1)).await),
        LedgerError::InsufficientTokens
    );
    fixture.assert_adds_up().await;

    let captured = fixture
        .ledger
        .settle(&key("c1"), one.hold.id, Settlement::Capture(None))
        .await
        .unwrap();
    assert_eq!(
        (
            captured.hold.state,
            captured.hold.captured,
            captured.token_balance
        ),
        (HoldState::Captured, 6, 0)
    );
    let released = fixture
        .ledger
        .settle(&key("x2"), two.hold.id, Settlement::Release)
        .await
        .unwrap();
    assert_eq!(
        (
            released.hold.state,
            released.hold.captured,
            released.token_balance
        ),
        (HoldState::Released, 0, 4)
    );
    assert_eq!((fixture.balance(user).await, fixture.held(user).await), (4, 0));
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn uncaptured_rest_goes_back_in_the_same_statement() {
    let fixture = Fixture::new().await;
    let user = fixture.user(10).await;
    let reservation = fixture.ledger.reserve(&key("r"), &hold(user, 10)).await.unwrap();
    let part = Settlement::Capture(Some(Amount::new(3).unwrap()));
    let captured = fixture
        .ledger
        .settle(&key("c"), reservation.hold.id, part)
        .await
        .unwrap();
    assert_eq!(
        (
            captured.hold.captured,
            captured.token_balance,
            captured.receipt.transfer.amount
        ),
        (3, 7, 3)
    );
    assert_eq!(fixture.balance(user).await, 7);
    // credit, reserve, capture, release
    assert_eq!(fixture.transfers_of(user).await, 4);
    // The repeat gives the same answer, although more has happened since.
    fixture
        .ledger
        .move_tokens(key("later"), credit(user, 50))
        .await
        .unwrap();
    let again = fixture
        .ledger
        .settle(&key("c"), reservation.hold.id, part)
        .await
        .unwrap();
    assert!(again.receipt.replayed);
    assert_eq!(
        (again.hold, again.token_balance, again.receipt.transfer),
        (captured.hold, 7, captured.receipt.transfer)
    );
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn more_than_was_reserved_cannot_be_captured() {
    let fixture = Fixture::new().await;
    let user = fixture.user(10).await;
    let reservation = fixture.ledger.reserve(&key("r"), &hold(user, 4)).await.unwrap();
    let more = Settlement::Capture(Some(Amount::new(5).unwrap()));
    assert_eq!(
        refusal(fixture.ledger.settle(&key("c"), reservation.hold.id, more).await),
        LedgerError::HoldTooSmall
    );
    assert_eq!((fixture.balance(user).await, fixture.held(user).await), (6, 4));
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn settled_hold_stays_settled() {
    let fixture = Fixture::new().await;
    let user = fixture.user(10).await;
    let id = fixture
        .ledger
        .reserve(&key("r"), &hold(user, 4))
        .await
        .unwrap()
        .hold
        .id;
    fixture
        .ledger
        .settle(&key("x"), id, Settlement::Release)
        .await
        .unwrap();
    for (name, settlement) in [("x2", Settlement::Release), ("c", Settlement::Capture(None))] {
        assert_eq!(
            refusal(fixture.ledger.settle(&key(name), id, settlement).await),
            LedgerError::HoldSettled
        );
    }
    // The same key for another end of the same hold is another request.
    assert_eq!(
        refusal(
            fixture
                .ledger
                .settle(&key("x"), id, Settlement::Capture(None))
                .await
        ),
        LedgerError::IdempotencyKeyReused
    );
    // So does a key of another kind of movement.
    assert_eq!(
        refusal(fixture.ledger.settle(&key("r"), id, Settlement::Release).await),
        LedgerError::IdempotencyKeyReused
    );
    assert_eq!(
        refusal(fixture.ledger.reserve(&key("x"), &hold(user, 4)).await),
        LedgerError::IdempotencyKeyReused
    );
    assert_eq!(
        refusal(
            fixture
                .ledger
                .settle(&key("none"), HoldId(Uuid::new_v4()), Settlement::Release)
                .await
        ),
        LedgerError::HoldNotFound
    );
    assert_eq!(fixture.balance(user).await, 10);
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hundred_reservations_under_one_key_reserve_once() {
    let fixture = Fixture::with_connections(20).await;
    let user = fixture.user(10).await;
    let outcomes = together((0..100).map(|_| {
        let ledger = fixture.ledger.clone();
        async move { ledger.reserve(&key("r"), &hold(user, 7)).await.unwrap() }
    }))
    .await;
    assert!(
        outcomes
            .iter()
            .all(|reservation| reservation.hold == outcomes[0].hold)
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|reservation| !reservation.receipt.replayed)
            .count(),
        1
    );
    assert_eq!((fixture.balance(user).await, fixture.held(user).await), (3, 7));
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_of_capture_release_and_expiry_happens() {
    let fixture = Fixture::with_connections(20).await;
    let mut ends = std::collections::BTreeSet::new();
    for round in 0..40 {
        let user = fixture.user(10).await;
        let id = fixture
            .ledger
            .reserve(&key(&format!("r{round}")), &hold(user, 10))
            .await
            .unwrap()
            .hold
            .id;
        if round % 4 == 3 {
            fixture.let_holds_lapse().await;
        }
        let (a, b, c) = (
            fixture.ledger.clone(),
            fixture.ledger.clone(),
            fixture.ledger.clone(),
        );
        let (capture, release, expiry) = tokio::join!(
            tokio::spawn(async move {
                a.settle(&key(&format!("c{round}")), id, Settlement::Capture(None))
                    .await
            }),
            tokio::spawn(async move {
                b.settle(&key(&format!("x{round}")), id, Settlement::Release)
                    .await
            }),
            tokio::spawn(async move { c.expire_due().await }),
        );
        let (capture, release) = (capture.unwrap(), release.unwrap());
        expiry.unwrap().unwrap();
        let state: String = fixture
            .database
            .value(&format!("SELECT state FROM auth.token_holds WHERE id = '{id}'"))
            .await;
        let expected = match state.as_str() {
            "captured" => (true, false, 0),
            "released" => (false, true, 10),
            "expired" => (false, false, 10),
            other => panic!("{other}"),
        };
        assert_eq!(
            (capture.is_ok(), release.is_ok(), fixture.balance(user).await),
            expected,
            "{state}"
        );
        for loser in [capture, release] {
            if loser.is_err() {
                assert_eq!(refusal(loser), LedgerError::HoldSettled);
            }
        }
        ends.insert(state);
    }
    assert!(ends.contains("expired"), "{ends:?}");
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn expired_hold_is_given_back_by_the_next_request() {
    let fixture = Fixture::new().await;
    // Each call finds one expired hold of 10.
    for touch in ["debit", "reserve", "capture"] {
        let user = fixture.user(10).await;
        let id = fixture
            .ledger
            .reserve(&key(&format!("r-{touch}")), &hold(user, 10))
            .await
            .unwrap()
            .hold
            .id;
        fixture.let_holds_lapse().await;
        let token = key(&format!("t-{touch}"));
        match touch {
            "debit" => drop(fixture.ledger.move_tokens(token, debit(user, 10)).await.unwrap()),
            "reserve" => drop(fixture.ledger.reserve(&token, &hold(user, 10)).await.unwrap()),
            _ => {
                let outcome = fixture.ledger.settle(&token, id, Settlement::Capture(None)).await;
                assert_eq!(refusal(outcome), LedgerError::HoldSettled);
                assert_eq!(fixture.balance(user).await, 10);
            }
        }
        let state: String = fixture
            .database
            .value(&format!("SELECT state FROM auth.token_holds WHERE id = '{id}'"))
            .await;
        assert_eq!(state, "expired", "{touch}");
    }
    fixture.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeper_gives_back_only_expired_holds_once() {
    let fixture = Fixture::with_connections(16).await;
    let user = fixture.user(1000).await;
    for index in 0..250 {
        fixture
            .ledger
            .reserve(&key(&format!("r{index}")), &hold(user, 2))
            .await
            .unwrap();
    }
    fixture.let_holds_lapse().await;
    let open = fixture
        .ledger
        .reserve(&key("open"), &hold(user, 5))
        .await
        .unwrap();
    let sweeps = together((0..4).map(|_| {
        let ledger = Ledger::new(fixture.database.pool.clone());
        async move { ledger.expire_due().await.unwrap() }
    }))
    .await;
    let given_back: u64 = sweeps
        .iter()
        .map(|sweep| match sweep {
            Sweep::Swept(count) => *count,
            Sweep::Elsewhere => 0,
        })
        .sum();
    assert_eq!(given_back, 250, "{sweeps:?}");
    assert_eq!((fixture.balance(user).await, fixture.held(user).await), (995, 5));
    assert_eq!(fixture.ledger.expire_due().await.unwrap(), Sweep::Swept(0));
    fixture
        .ledger
        .settle(&key("done"), open.hold.id, Settlement::Capture(None))
        .await
        .unwrap();
    fixture.assert_adds_up().await;
}

/// A user's balance is full, and another transaction holds another user's row: their holds expired first, and more than a round of them.
#[tokio::test]
async fn holds_that_cannot_go_back_delay_no_other_hold() {
    let fixture = Fixture::new().await;
    let (full, locked, other) = (
        fixture.user(150).await,
        fixture.user(1).await,
        fixture.user(10).await,
    );
    fixture
        .ledger
        .reserve(&key("locked"), &hold(locked, 1))
        .await
        .unwrap();
    for index in 0..150 {
        let token = key(&format!("full{index}"));
        fixture.ledger.reserve(&token, &hold(full, 1)).await.unwrap();
    }
    fixture
        .ledger
        .reserve(&key("other"), &hold(other, 10))
        .await
        .unwrap();
    let filling = credit(full, i64::from(MAX_BALANCE));
    fixture.ledger.move_tokens(key("fill"), filling).await.unwrap();
    fixture.let_holds_lapse().await;
    let mut transaction = fixture.database.connect().await;
    let lock = format!("BEGIN; SELECT FROM auth.users WHERE id = '{locked}' FOR UPDATE");
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock))
        .execute(&mut transaction)
        .await
        .unwrap();

    let options = fixture.database.url().parse::<PgConnectOptions>().unwrap();
    let impatient = PgPool::connect_with(options.options([("statement_timeout", "500")]));
    let failure = Ledger::new(impatient.await.unwrap())
        .expire_due()
        .await
        .unwrap_err();
    assert!(matches!(failure, LedgerFailure::Database(_)), "{failure}");
    assert_eq!(fixture.balance(other).await, 10);

    sqlx::raw_sql("ROLLBACK").execute(&mut transaction).await.unwrap();
    assert_eq!(fixture.ledger.expire_due().await.unwrap(), Sweep::Swept(1));
    assert_eq!(
        (fixture.balance(locked).await, fixture.held(full).await),
        (1, 150)
    );
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn second_sweeper_returns_at_once() {
    let fixture = Fixture::new().await;
    let mut other = fixture.database.connect().await;
    let (job, holder) = (Job("expire_holds"), uuid::Uuid::new_v4());
    assert!(leases::claim(&mut other, job, holder, 3600).await.unwrap());
    assert_eq!(fixture.ledger.expire_due().await.unwrap(), Sweep::Elsewhere);
    assert!(
        leases::claim(&mut other, job, holder, 0).await.unwrap(),
        "prolonged"
    );
    assert_eq!(
        fixture.ledger.expire_due().await.unwrap(),
        Sweep::Swept(0),
        "over"
    );
    leases::release(&mut other, job, holder).await.unwrap();
    assert_eq!(fixture.ledger.expire_due().await.unwrap(), Sweep::Swept(0));
}

#[tokio::test]
async fn tokens_that_no_longer_fit_the_balance_stay_in_the_hold() {
    let fixture = Fixture::new().await;
    let user = fixture.user(10).await;
    let id = fixture
        .ledger
        .reserve(&key("r"), &hold(user, 10))
        .await
        .unwrap()
        .hold
        .id;
    fixture
        .ledger
        .move_tokens(key("full"), credit(user, i64::from(MAX_BALANCE)))
        .await
        .unwrap();
    assert_eq!(
        refusal(fixture.ledger.settle(&key("x"), id, Settlement::Release).await),
        LedgerError::BalanceOverflow
    );
    assert_eq!(fixture.held(user).await, 10);
    fixture
        .ledger
        .move_tokens(key("room"), debit(user, 10))
        .await
        .unwrap();
    fixture
        .ledger
        .settle(&key("x"), id, Settlement::Release)
        .await
        .unwrap();
    assert_eq!(fixture.balance(user).await, MAX_BALANCE);
    fixture.assert_adds_up().await;
}

#[tokio::test]
async fn hold_lives_for_the_requested_time() {
    let fixture = Fixture::new().await;
    let user = fixture.user(10).await;
    let mut request = hold(user, 1);
    request.lifetime = HoldLifetime::from_secs(90).unwrap();
    let reservation = fixture.ledger.reserve(&key("r"), &request).await.unwrap();
    let lifetime = reservation.hold.expires_at - reservation.receipt.transfer.created_at;
    assert_eq!(lifetime.num_seconds(), 90);
}
