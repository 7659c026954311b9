//! More requests than connections.

use std::time::Duration;

use crate::database::TestDatabase;
use crate::service::Service;
use crate::support::{Blocker, NO_LIMITS, person, until_blocked};

#[tokio::test]
async fn a_pool_that_is_used_up_is_503_soon_and_serves_again_once_it_is_not() {
    let database = TestDatabase::with_connections(2).await;
    let user = person(&mut database.connect().await).await;
    // Who reads may use all three. Three seconds are enough to open a connection on a machine that is busy with others too.
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
        // Three seconds and room for a busy machine; those who hold the connections would hold them for a minute.
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
