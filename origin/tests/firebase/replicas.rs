//! Limits that replicas count together, in a real Redis.

use std::time::{Duration, Instant};

use limits::{Ending, Limits};
use shared::limits::Limit;

use crate::redis::Redis;
use crate::support::configuration;
use crate::wait::until;

/// A replica's counters.
fn replica(redis: &Redis) -> Limits {
    let config = configuration(
        "postgres://nobody@127.0.0.1/none",
        &[("RATE_LIMITS", "login=3/600"), ("REDIS_URL", &redis.url())],
    );
    Limits::new(&config.limits, &config.assertion_keys)
}

async fn is_shared(limits: &Limits) {
    limits.connect();
    until("Redis answers", async || limits.state() == "shared").await;
}

fn address(n: u8) -> Option<std::net::IpAddr> {
    Some([192, 0, 2, n].into())
}

#[tokio::test]
async fn guesses_at_one_replica_count_at_the_other() {
    let Some(redis) = Redis::start().await else { return };
    let (one, other) = (replica(&redis), replica(&redis));
    is_shared(&one).await;
    is_shared(&other).await;
    let account = one.account("ann@example.org");
    for replica in [&one, &other, &one, &other, &one] {
        replica
            .admit(account, address(1))
            .await
            .unwrap()
            .end(Ending::Wrong);
    }
    let slow = other.admit(account, address(1)).await.unwrap_err();
    assert!((590..=600).contains(&slow.retry_after), "{slow:?}");
    // A refused attempt is not counted at either replica.
    for _ in 0..3 {
        let again = other.admit(account, address(1)).await.unwrap_err();
        assert!(again.retry_after <= slow.retry_after, "{again:?}");
    }
    // All replicas remember a right password, which pays the debt.
    one.admit(account, address(2)).await.unwrap().end(Ending::Right);
    until("the other replica knows the network", async || {
        let attempt = other.admit(account, address(2)).await.unwrap();
        let usual = attempt.whose() == limits::Whose::Usual;
        attempt.end(Ending::Undecided);
        usual
    })
    .await;
    // Calls are counted together, too.
    let network = one.network(address(3));
    for replica in [&one, &other, &one] {
        assert_eq!(replica.call(Limit::Login, &network).await, Ok(()));
    }
    assert!(other.call(Limit::Login, &network).await.is_err());
    assert_eq!(other.call(Limit::Login, &one.network(address(4))).await, Ok(()));
}

#[tokio::test]
async fn concurrent_attempts_are_all_counted() {
    let Some(redis) = Redis::start().await else { return };
    let replicas = [replica(&redis), replica(&redis)];
    for replica in &replicas {
        is_shared(replica).await;
    }
    let account = replicas[0].account("ann@example.org");
    let tries: Vec<_> = (0..60)
        .map(|n| {
            let replica = replicas[n % 2].clone();
            tokio::spawn(async move { replica.admit(account, address(1)).await.is_ok() })
        })
        .collect();
    let mut admitted = 0;
    for attempt in tries {
        admitted += u32::from(attempt.await.unwrap());
    }
    assert!(admitted <= 5, "{admitted}");
    // The refused ones have paid nothing.
    for replica in &replicas {
        assert!(replica.admit(account, address(1)).await.is_err());
    }
}

/// A counter has a top, and a refused attempt above it must not lower it: strangers could otherwise lower it by repeated attempts.
#[tokio::test]
async fn refused_attempts_pay_no_debt() {
    let Some(redis) = Redis::start().await else { return };
    let (one, other) = (replica(&redis), replica(&redis));
    is_shared(&one).await;
    is_shared(&other).await;
    let account = one.account("ann@example.org");
    for n in 1..=60 {
        one.admit(account, address(n)).await.unwrap().end(Ending::Wrong);
    }
    for n in 1..=60 {
        for replica in [&one, &other] {
            assert!(replica.admit(account, address(n)).await.is_err(), "{n}");
        }
    }
    // A success or an outage pays for no other caller.
    for n in 100..=150 {
        let ending = if n % 2 == 0 {
            Ending::Right
        } else {
            Ending::Undecided
        };
        one.admit(account, address(n)).await.unwrap().end(ending);
    }
    for replica in [&one, &other] {
        assert!(replica.admit(account, address(1)).await.is_err());
    }
}

#[tokio::test]
async fn without_redis_each_replica_counts_alone_and_no_request_waits() {
    let Some(mut redis) = Redis::start().await else {
        return;
    };
    let limits = replica(&redis);
    is_shared(&limits).await;
    let account = limits.account("ann@example.org");
    limits
        .admit(account, address(1))
        .await
        .unwrap()
        .end(Ending::Wrong);

    // Slow: connections stay open, and nothing answers.
    redis.freeze();
    let asked = Instant::now();
    for _ in 0..4 {
        limits
            .admit(account, address(1))
            .await
            .unwrap()
            .end(Ending::Wrong);
    }
    assert!(limits.admit(account, address(1)).await.is_err(), "memory counts");
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(limits.state(), "memory, redis away");
    redis.thaw();
    until("Redis answers again", async || limits.state() == "shared").await;

    // Gone, and back without its data.
    redis.stop();
    let asked = Instant::now();
    assert!(limits.admit(account, address(2)).await.is_ok());
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert_eq!(limits.state(), "memory, redis away");
    redis.start_again().await;
    until("Redis answers again", async || limits.state() == "shared").await;
    assert!(
        limits.admit(account, address(1)).await.is_err(),
        "memory still counts"
    );
}
