//! The stop signal with requests in flight.

use std::time::{Duration, Instant};

use crate::database::TestDatabase;
use crate::service::Service;
use crate::support::{Blocker, NO_LIMITS, until, until_blocked, user};

const IN_FLIGHT: i64 = 12;

#[tokio::test]
async fn every_accepted_request_is_answered_after_sigterm() {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    let limits = [&NO_LIMITS[..], &[("DB_POOL_MAX", "16")]].concat();
    let mut service = Service::start(database.url(), &limits).await;
    let blocker = Blocker::begin(&database, "LOCK TABLE auth.users IN ACCESS EXCLUSIVE MODE").await;
    let in_flight: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            tokio::spawn({
                let caller = service.caller();
                async move { caller.show(user).await }
            })
        })
        .collect();
    until_blocked(&database, IN_FLIGHT).await;

    service.terminate();
    // New connections are refused: a load balancer uses another replica.
    let caller = service.caller();
    until("nothing new is accepted", async || {
        caller.get("/livez").await.is_err_and(|error| error.is_connect())
    })
    .await;
    assert!(in_flight.iter().all(|request| !request.is_finished()));

    blocker.let_go().await;
    for answer in in_flight {
        assert_eq!(answer.await.unwrap().unwrap().status, 200);
    }
    assert_eq!(service.ended().await, Some(0));
}

/// A stored hash of cost 20 takes some 50 s of a core, and bcrypt cannot be interrupted.
#[tokio::test]
async fn password_check_does_not_keep_the_program_alive() {
    let database = TestDatabase::with_connections(2).await;
    let digest = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    database
        .execute(&format!(
            "INSERT INTO auth.users (email, password_hash) VALUES ('ann@example.org', '$2b$20${digest}')"
        ))
        .await
        .unwrap();
    let variables = [
        &NO_LIMITS[..],
        &[("DRAIN_SECONDS", "1"), ("BCRYPT_MAX_COST", "20")],
    ]
    .concat();
    let mut service = Service::start(database.url(), &variables).await;
    let caller = service.caller();
    let stuck = tokio::spawn(async move { caller.log_in("ann@example.org", "correct-horse-1").await });
    let caller = service.caller();
    until("the check runs", async || {
        caller.metric("http_server_active_requests").await > 1
    })
    .await;
    let terminated = Instant::now();
    service.terminate();
    service.ended().await;
    assert!(
        terminated.elapsed() < Duration::from_secs(15),
        "{:?}",
        terminated.elapsed()
    );
    let _broken_off = stuck.await.unwrap();
}

#[tokio::test]
async fn request_that_never_ends_does_not_keep_the_program_alive() {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    let limits = [&NO_LIMITS[..], &[("DRAIN_SECONDS", "1")]].concat();
    let mut service = Service::start(database.url(), &limits).await;
    let blocker = Blocker::begin(&database, "LOCK TABLE auth.users IN ACCESS EXCLUSIVE MODE").await;
    let caller = service.caller();
    let stuck = tokio::spawn(async move { caller.show(user).await });
    until_blocked(&database, 1).await;

    let terminated = Instant::now();
    service.terminate();
    let told = "requests were still in flight after the drain time";
    until("the drain time is over", async || {
        !service.logged(told).is_empty()
    })
    .await;
    assert_eq!(service.ended().await, Some(0));
    // The statement's own limit, a minute, did not end it.
    assert!(
        terminated.elapsed() < Duration::from_secs(30),
        "{:?}",
        terminated.elapsed()
    );
    let _broken_off_or_503 = stuck.await.unwrap();
    blocker.let_go().await;
}
