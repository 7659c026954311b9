//! Statements that take too long.

use std::time::Duration;

use crate::database::TestDatabase;
use crate::service::Service;
use crate::support::{Blocker, NO_LIMITS, until, user};

#[tokio::test]
async fn late_statement_is_503_and_counted_and_its_movement_is_made_once() {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    let limits = [&NO_LIMITS[..], &[("DB_STATEMENT_TIMEOUT_MS", "250")]].concat();
    let service = Service::start(database.url(), &limits).await;
    let caller = service.caller();
    let blocker = Blocker::begin(&database, "LOCK TABLE auth.users IN ACCESS EXCLUSIVE MODE").await;

    for answer in [caller.show(user).await, caller.credit(user, "slow-1").await] {
        let answer = answer.unwrap();
        answer.assert_unavailable();
        // 250 ms and room for a busy machine; no other limit ends it within a minute.
        let bounds = Duration::from_millis(200)..Duration::from_secs(20);
        assert!(bounds.contains(&answer.took), "{:?}", answer.took);
    }
    let series = "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/v1/users/{id}\",\
                  http_response_status_code=\"503\"}";
    assert_eq!(caller.metric(series).await, 1);
    assert_eq!(
        caller
            .metric("origin_failures_total{code=\"DATABASE_UNAVAILABLE\",reason=\"\"}")
            .await,
        2
    );

    blocker.let_go().await;
    for _ in 0..2 {
        let mut answer = caller.credit(user, "slow-1").await.unwrap();
        until("a credit takes less than 250 ms", async || {
            if answer.status != 200 {
                answer.assert_unavailable();
                answer = caller.credit(user, "slow-1").await.unwrap();
            }
            answer.status == 200
        })
        .await;
        assert_eq!(answer.body["data"]["token_balance"], 1);
    }
}
