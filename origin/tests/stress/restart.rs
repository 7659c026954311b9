//! A restart of PostgreSQL under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::server::{Ending, Server};
use crate::service::{Caller, Service};
use crate::support::{NO_LIMITS, until, user};

const SENDERS: usize = 8;

/// The senders' results.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    good: AtomicU64,
    unavailable: AtomicU64,
    credits: AtomicU64,
}

/// Reads and credits until told to stop. Repeats a failed credit under its key; the only allowed failure is 503 with `Retry-After`.
async fn load(caller: Caller, user: Uuid, sender: usize, seen: Arc<Seen>) {
    let mut number = 0;
    while !seen.stop.load(Ordering::Relaxed) {
        number += 1;
        let key = format!("load-{sender}-{number}");
        loop {
            let answer = caller.credit(user, &key).await.unwrap();
            if answer.status == 200 {
                break;
            }
            answer.assert_unavailable();
            seen.unavailable.fetch_add(1, Ordering::Relaxed);
        }
        seen.credits.fetch_add(1, Ordering::Relaxed);
        let answer = caller.show(user).await.unwrap();
        if answer.status == 200 {
            seen.good.fetch_add(1, Ordering::Relaxed);
        } else {
            answer.assert_unavailable();
            seen.unavailable.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted_database_costs_503s_and_nothing_else() {
    let mut server = Server::start().await;
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect(&server.url())
        .await
        .unwrap();
    schema::migrate(&pool).await.unwrap();
    let user = user(&mut pool.acquire().await.unwrap()).await;
    pool.close().await;
    let small = [("DB_POOL_MAX", "8"), ("DB_POOL_ACQUIRE_MS", "500")];
    let service = Service::start(&server.url(), &[&NO_LIMITS[..], &small].concat()).await;

    let seen = Arc::new(Seen::default());
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| tokio::spawn(load(service.caller(), user, sender, Arc::clone(&seen))))
        .collect();
    let some_more = async || {
        let goal = seen.good.load(Ordering::Relaxed) + 100;
        until("requests are answered", async || {
            assert!(
                senders.iter().all(|sender| !sender.is_finished()),
                "a sender gave up"
            );
            seen.good.load(Ordering::Relaxed) >= goal
        })
        .await;
    };
    some_more().await;
    for ending in [Ending::Fast, Ending::Crash] {
        server.restart(ending).await;
        some_more().await;
    }
    seen.stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }

    let credits = seen.credits.load(Ordering::Relaxed);
    let unavailable = seen.unavailable.load(Ordering::Relaxed);
    // The machine decides how many: the retry on a fresh connection hides a quick restart from callers.
    println!("{credits} credits, {unavailable} answers 503, over two restarts");
    let answer = service.caller().show(user).await.unwrap();
    assert_eq!(answer.body["data"]["user"]["token_balance"], credits);
    let pool = PgPoolOptions::new().connect(&server.url()).await.unwrap();
    let differences: i64 = sqlx::query_scalar("SELECT count(*) FROM auth.ledger_differences")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(differences, 0);
    pool.close().await;
}

#[tokio::test]
async fn migration_reported_as_done_survives_a_crash() {
    let mut server = Server::start().await;
    for _ in 0..3 {
        let pool = PgPoolOptions::new().connect(&server.url()).await.unwrap();
        schema::migrate(&pool).await.unwrap();
        server.restart(Ending::Crash).await;
        let pool = PgPoolOptions::new().connect(&server.url()).await.unwrap();
        let newest: i32 = sqlx::query_scalar("SELECT max(version) FROM auth.schema_migrations")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(u32::try_from(newest), Ok(schema::newest_version()));
        schema::down(
            &pool.connect_options(),
            0,
            &schema::Options::default(),
            &mut |_| {},
        )
        .await
        .unwrap();
        pool.close().await;
    }
}
