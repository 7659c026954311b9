//! More requests than connections.

use std::time::Duration;

use crate::database::TestDatabase;
use crate::service::Service;
use crate::support::{Blocker, NO_LIMITS, until_blocked, user};

#[tokio::test]
async fn used_up_pool_is_503_soon_and_recovers() {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    // Readers may use all three. Three seconds suffice to open a connection even on a busy machine.
    let small = [("DB_POOL_MAX", "3"), ("DB_POOL_ACQUIRE_MS", "3000")];
    let service = Service::start(database.url(), &[&NO_LIMITS[..], &small].concat()).await;
    let blocker = Blocker::begin(&database, "LOCK TABLE auth.users IN ACCESS EXCLUSIVE MODE").await;

    let caller = service.caller();
    let slow: Vec<_> = (0..3)
        .map(|_| {
            tokio::spawn({
                let caller = caller.clone();
                async move { caller.show(user).await }
            })
        })
        .collect();
    until_blocked(&database, 3).await;

    let refused: Vec<_> = (0..20)
        .map(|_| {
            tokio::spawn({
                let caller = caller.clone();
                async move { caller.show(user).await }
            })
        })
        .collect();
    for answer in refused {
        let answer = answer.await.unwrap().unwrap();
        answer.assert_unavailable();
        // Three seconds and room for a busy machine; the sessions with the connections would hold them for a minute.
        assert!(answer.took < Duration::from_secs(40), "{:?}", answer.took);
    }
    assert_eq!(caller.get("/livez").await.unwrap().status, 200);

    blocker.let_go().await;
    for answer in slow {
        assert_eq!(answer.await.unwrap().unwrap().status, 200);
    }
    assert_eq!(caller.show(user).await.unwrap().status, 200);
    assert_eq!(
        caller
            .metric("origin_failures_total{code=\"DATABASE_UNAVAILABLE\",reason=\"\"}")
            .await,
        20
    );
}
