//! The issuer changes its keys while users send requests.

use std::time::{Duration, Instant};

use testkit::key_server::Change;

use super::{ask, ask_at_once, believed, change, edge_of, issuer, publishes, state, token_by};

#[tokio::test]
async fn key_rotation_refuses_no_caller() {
    let issuer = issuer(3_600).await;
    let edge = edge_of(&issuer).start().await;
    believed(&ask(&edge, &token_by("issuer-a")).await);
    // A key that is used the moment it is published: the first requests wait for one fetch.
    publishes(&issuer, &["issuer-a", "issuer-b"]);
    change(
        &issuer,
        Change {
            max_age: Some(1),
            ..Change::default()
        },
    );
    let both = (0..60).map(|at| token_by(if at % 2 == 0 { "issuer-a" } else { "issuer-b" }));
    for answer in ask_at_once(&edge, both).await {
        believed(&answer);
    }
    // From here on keys expire after a second, and the edge refreshes them behind the requests.
    publishes(&issuer, &["issuer-b", "issuer-c"]);
    let fetched = issuer.fetches();
    let began = Instant::now();
    while issuer.fetches() == fetched {
        for answer in ask_at_once(&edge, (0..5).map(|_| token_by("issuer-b"))).await {
            believed(&answer);
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no refresh");
    }
    while state(&edge).await["age_seconds"]
        .as_i64()
        .is_none_or(|age| age > 2)
    {
        assert!(
            began.elapsed() < Duration::from_secs(25),
            "the refresh does not arrive"
        );
    }
    let new = (0..30).map(|at| token_by(if at % 2 == 0 { "issuer-b" } else { "issuer-c" }));
    for answer in ask_at_once(&edge, new).await {
        believed(&answer);
    }
    // The edge no longer believes the withdrawn key.
    ask(&edge, &token_by("issuer-a"))
        .await
        .refused(401, "TOKEN_KEY_UNKNOWN");
    edge.end().await;
}
