//! Only the service that reserved a hold settles it.

use ledger::Sweep;
use ledger::{Amount, Caller, IdempotencyKey, IdempotencyToken, LedgerError, Settlement};

use crate::fixture::{Fixture, hold, key, refusal};

/// Every way to end a hold, tried by every other caller before its owner, on an open hold, a settled one and an expired one.
#[tokio::test]
async fn hold_of_another_service_cannot_be_settled() {
    let fixture = Fixture::new().await;
    let user = fixture.user(10).await;
    let by = |caller: Caller, text: &str| IdempotencyToken {
        caller,
        key: IdempotencyKey::parse(text).unwrap(),
    };
    let others = || [Caller::service("other").unwrap(), Caller::service("tes").unwrap()];
    let endings = [
        Settlement::Release,
        Settlement::Capture(None),
        Settlement::Capture(Some(Amount::new(1).unwrap())),
        // The size of a hold cannot be probed either.
        Settlement::Capture(Some(Amount::new(100).unwrap())),
    ];
    let refused = async |id| {
        for caller in others() {
            for (at, ending) in endings.into_iter().enumerate() {
                // A key that its owner uses means nothing for another caller.
                for text in [format!("x{at}"), "settle".to_owned()] {
                    let outcome = fixture
                        .ledger
                        .settle(&by(caller.clone(), &text), id, ending)
                        .await;
                    assert_eq!(refusal(outcome), LedgerError::HoldNotFound, "{ending:?}");
                }
            }
        }
    };
    let reserve = async |text: &str| {
        let reservation = fixture.ledger.reserve(&key(text), &hold(user, 4)).await.unwrap();
        reservation.hold.id
    };
    let id = reserve("r1").await;
    refused(id).await;
    assert_eq!((fixture.balance(user).await, fixture.held(user).await), (6, 4));
    let captured = fixture
        .ledger
        .settle(&key("settle"), id, Settlement::Capture(None))
        .await
        .unwrap();
    assert_eq!(captured.token_balance, 6);
    refused(id).await;
    let lapsed = reserve("r2").await;
    fixture.let_holds_lapse().await;
    refused(lapsed).await;
    assert_eq!(fixture.held(user).await, 4);
    assert_eq!(fixture.ledger.expire_due().await.unwrap(), Sweep::Swept(1));
    assert_eq!((fixture.balance(user).await, fixture.held(user).await), (6, 0));
    fixture.assert_adds_up().await;
}
