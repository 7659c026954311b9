//! Slow answers of Google, and many sign-ins at once.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::google::{PASSWORD, World};
use crate::support::{send, with_json};

/// The 95th percentile.
fn p95(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[(times.len() * 95).div_ceil(100) - 1]
}

#[tokio::test]
async fn registration_takes_under_two_seconds_at_250_ms_a_google_call() {
    let world = World::start().await;
    // The first ones open the connections for the others.
    register_four(&world, "first").await;
    // Runs without latency alternate with the others: both see the same machine.
    let [mut quick, mut slow] = [Vec::new(), Vec::new()];
    for round in 0..10 {
        for (latency, times) in [(0, &mut quick), (250, &mut slow)] {
            world.google_will(json!({"latency_ms": latency}));
            times.extend(register_four(&world, &format!("{round}-{latency}")).await);
        }
    }
    let (quick, slow) = (p95(quick), p95(slow));
    println!(
        "registration p95 with 250 ms of injected latency: {} ms, without: {} ms",
        slow.as_millis(),
        quick.as_millis()
    );
    // The time that a busy machine needs without latency, it also needs with latency.
    assert!(
        slow < Duration::from_secs(2) + 2 * quick,
        "{slow:?}, and {quick:?} without latency"
    );
}

/// The times of four concurrent registrations.
async fn register_four(world: &World, name: &str) -> Vec<Duration> {
    let calls: Vec<_> = (0..4)
        .map(|n| {
            let body = json!({"email": format!("p{name}-{n}@example.org"), "password": PASSWORD});
            let request = with_json(world.app.request("POST", "/v1/auth/register"), &body);
            tokio::spawn(async move {
                let started = Instant::now();
                send(request).await.expect(201);
                started.elapsed()
            })
        })
        .collect();
    let mut times = Vec::new();
    for call in calls {
        times.push(call.await.unwrap());
    }
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_in_storm_does_not_delay_signed_in_users() {
    let world = World::start().await;
    let session = world.registered("ann@example.org").await;
    let token = session["idToken"].as_str().unwrap();
    // The ordinary cost: every check takes tens of milliseconds of a core.
    let hash = bcrypt::hash(PASSWORD, 10).unwrap();
    for n in 0..200 {
        world.local_with_hash(&format!("p{n}@example.org"), &hash).await;
    }
    let mut calm = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        world.app.get("/v1/auth/me", token).await.expect(200);
        calm.push(started.elapsed());
    }
    let storm: Vec<_> = (0..200)
        .map(|n| {
            let body = json!({"email": format!("p{n}@example.org"), "password": "wrong-horse_1"});
            let request = with_json(world.app.request("POST", "/v1/auth/login"), &body);
            tokio::spawn(send(request))
        })
        .collect();
    let mut times = Vec::new();
    while !storm.iter().all(tokio::task::JoinHandle::is_finished) {
        let started = Instant::now();
        world.app.get("/v1/auth/me", token).await.expect(200);
        times.push(started.elapsed());
    }
    let mut refused = 0;
    for answer in storm {
        let answer = answer.await.unwrap();
        assert!(matches!(answer.status, 401 | 429), "{}", answer.body);
        refused += u32::from(answer.status == 429);
    }
    let (count, calm, p95) = (times.len(), p95(calm), p95(times));
    println!(
        "during 200 sign-ins ({refused} turned away): {count} reads of one's own row, p95 {} ms, before them {} ms",
        p95.as_millis(),
        calm.as_millis()
    );
    // A busy machine was also busy before the sign-ins.
    let most = Duration::from_millis(500) + 5 * calm;
    assert!(
        count >= 5 && p95 < most,
        "{count} {p95:?}, before the storm {calm:?}"
    );
}
