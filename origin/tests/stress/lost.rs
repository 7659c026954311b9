//! Connections that a network or a server has given up without closing: they swallow bytes; sessions no longer match the database; load
//! balancers have no server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ::database::{Role, Servers};
use sqlx::Connection as _;
use sqlx::postgres::PgConnectOptions;
use testkit::faulty_proxy::{FaultyProxy, Welcome};
use uuid::Uuid;

use crate::database::TestDatabase;
use crate::server::Server;
use crate::service::{Caller, Service};
use crate::support::{NO_LIMITS, until, user};

/// A limit of a second for a statement, which also bounds the waits for it.
const QUICK: [(&str, &str); 4] = [
    ("DB_POOL_MAX", "4"),
    ("DB_POOL_ACQUIRE_MS", "3000"),
    ("DB_STATEMENT_TIMEOUT_MS", "1000"),
    ("REQUEST_TIMEOUT_MS", "60000"),
];

/// The address of the server of `url`.
fn address(url: &str) -> SocketAddr {
    let authority = url.split('/').nth(2).unwrap();
    let place = authority.rsplit('@').next().unwrap();
    place.replace("localhost", "127.0.0.1").parse().unwrap()
}

/// `url` with these addresses for the server, in this order.
fn at(url: &str, places: &[SocketAddr], parameters: &str) -> String {
    let places: Vec<String> = places.iter().map(SocketAddr::to_string).collect();
    let (before, after) = url.split_once(&address(url).to_string()).unwrap();
    format!("{before}{}{after}{parameters}", places.join(","))
}

/// A database with a user, and a proxy before it.
async fn behind_a_proxy() -> (TestDatabase, Uuid, FaultyProxy) {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    let proxy = FaultyProxy::to(address(database.url())).await.unwrap();
    (database, user, proxy)
}

/// Concurrent requests open all connections of the pool.
async fn warm(caller: &Caller, user: Uuid) {
    let requests: Vec<_> = (0..16)
        .map(|_| {
            let caller = caller.clone();
            tokio::spawn(async move { caller.show(user).await })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status, 200);
    }
}

#[tokio::test]
async fn silently_dead_connections_are_left_behind() {
    let (database, user, proxy) = behind_a_proxy().await;
    let service = Service::start(&at(database.url(), &[proxy.address()], ""), &QUICK).await;
    let caller = service.caller();
    warm(&caller, user).await;
    assert_eq!(caller.credit(user, "before").await.unwrap().status, 200);

    assert!(proxy.swallow() > 0);
    let swallowed = Instant::now();
    let (mut reads, mut credits) = (0, 0);
    until("reads and credits are answered", async || {
        let (read, credit) = tokio::join!(caller.show(user), caller.credit(user, "after"));
        for answer in [read.unwrap(), credit.unwrap()] {
            if answer.status != 200 {
                answer.assert_unavailable();
            } else if answer.body["data"]["user"].is_object() {
                reads += 1;
            } else {
                credits += 1;
            }
        }
        reads > 0 && credits > 0
    })
    .await;
    // Two seconds for a statement on a dead connection, and one to probe the others; the rest is for a busy machine.
    assert!(
        swallowed.elapsed() < Duration::from_secs(30),
        "{:?}",
        swallowed.elapsed()
    );
    let balance: i32 = database
        .value(&format!(
            "SELECT token_balance FROM auth.users WHERE id = '{user}'"
        ))
        .await;
    assert_eq!(balance, 2);
    assert_eq!(caller.get("/readyz").await.unwrap().status, 200);
}

#[tokio::test]
async fn unavailable_session_is_503_for_every_failure_of_the_server() {
    let (database, user, proxy) = behind_a_proxy().await;
    let quick = [&QUICK[..], &[("DB_POOL_ACQUIRE_MS", "300")]].concat();
    let gone = FaultyProxy::to(address(database.url())).await.unwrap();
    gone.welcome(Welcome::Close);
    let places = [gone.address(), proxy.address()];
    let service = Service::start(&at(database.url(), &places, ""), &quick).await;
    let caller = service.caller();
    for welcome in [Welcome::Close, Welcome::Swallow] {
        proxy.welcome(welcome);
        proxy.cut();
        for answer in [caller.show(user).await, caller.credit(user, "x").await] {
            answer.unwrap().assert_unavailable();
        }
        assert_eq!(caller.get("/readyz").await.unwrap().status, 503);
    }
    proxy.welcome(Welcome::Carry);
    proxy.cut();
    until("it serves again", async || {
        caller.show(user).await.unwrap().status == 200
    })
    .await;
    until("the log tells when it ended", async || {
        !service.logged("the database accepts sessions again").is_empty()
    })
    .await;
    let away = service.logged("no server of the database accepts a session");
    let servers = away[0]["servers"].as_str().unwrap();
    assert!(servers.contains("1: ") && servers.contains("; "), "{servers}");
    assert!(servers.contains("2: "), "{servers}");
}

#[tokio::test]
async fn read_only_sessions_are_dropped_once_others_may_write() {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    let name: String = database.value("SELECT current_database()::text").await;
    let set = |change: &str| format!("ALTER DATABASE {name} {change}");
    database
        .execute(&set("SET default_transaction_read_only = on"))
        .await
        .unwrap();
    let service = Service::start(database.url(), &QUICK).await;
    let caller = service.caller();
    warm(&caller, user).await;
    caller.credit(user, "one").await.unwrap().assert_unavailable();
    let ready = caller.get("/readyz").await.unwrap();
    assert_eq!(
        (ready.status, &ready.body["checks"]["database"]),
        (503, &"read-only".into())
    );
    assert_eq!(caller.get("/health").await.unwrap().status, 503);

    let mut writer = database.connect().await;
    for statement in [
        "SET default_transaction_read_only = off".to_owned(),
        set("RESET default_transaction_read_only"),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut writer)
            .await
            .unwrap();
    }
    until("a credit is made", async || {
        caller.credit(user, "one").await.unwrap().status == 200
    })
    .await;
    // All of the pool may write now.
    warm(&caller, user).await;
    for number in 0..20 {
        let answer = caller.credit(user, &format!("more-{number}")).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(caller.get("/readyz").await.unwrap().status, 200);
}

#[tokio::test]
async fn widened_column_fails_no_request() {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    let service = Service::start(database.url(), &QUICK).await;
    let caller = service.caller();
    warm(&caller, user).await;
    assert_eq!(caller.credit(user, "before").await.unwrap().status, 200);
    database
        .execute("ALTER TABLE auth.users ALTER COLUMN username TYPE varchar(120), ALTER COLUMN display_name TYPE varchar")
        .await
        .unwrap();
    database
        .execute("ALTER TABLE auth.token_transfers ALTER COLUMN reference TYPE varchar")
        .await
        .unwrap();
    warm(&caller, user).await;
    for number in 0..8 {
        let answer = caller.credit(user, &format!("after-{number}")).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn sessions_that_the_server_ended_for_idleness_fail_no_request() {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    let name: String = database.value("SELECT current_database()::text").await;
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND application_name = 'crossfade-origin'";
    database
        .execute(&format!(
            "ALTER DATABASE {name} SET idle_session_timeout = '400ms'"
        ))
        .await
        .unwrap();
    let service = Service::start(database.url(), &QUICK).await;
    let caller = service.caller();
    let mut watcher = database.connect().await;
    sqlx::raw_sql("SET idle_session_timeout = 0")
        .execute(&mut watcher)
        .await
        .unwrap();
    for round in 0..3 {
        warm(&caller, user).await;
        until("the server has ended them all", async || {
            let open: i64 = sqlx::query_scalar(sessions)
                .fetch_one(&mut watcher)
                .await
                .unwrap();
            open == 0
        })
        .await;
        let answer = caller.credit(user, &format!("round-{round}")).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn distant_server_is_reached() {
    let (database, user, proxy) = behind_a_proxy().await;
    proxy.delay(Duration::from_millis(150));
    let quick = [
        &NO_LIMITS[..],
        &[("DB_POOL_ACQUIRE_MS", "400"), ("DB_POOL_MAX", "2")],
    ]
    .concat();
    let service = Service::start(&at(database.url(), &[proxy.address()], ""), &quick).await;
    let caller = service.caller();
    until("it serves", async || {
        caller.show(user).await.unwrap().status == 200
    })
    .await;
}

#[tokio::test]
async fn hosts_are_tried_in_turn() {
    let (database, user, proxy) = behind_a_proxy().await;
    proxy.welcome(Welcome::Swallow);
    let closed = FaultyProxy::to(address(database.url())).await.unwrap();
    closed.welcome(Welcome::Close);
    let places = [proxy.address(), closed.address(), address(database.url())];
    let url = at(
        database.url(),
        &places,
        "?connect_timeout=1&target_session_attrs=read-write",
    );
    let service = Service::start(&url, &NO_LIMITS).await;
    let answer = service.caller().show(user).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    // Two attempts fail, each with its own limit; from then on the good one is the first.
    let accepted = proxy.accepted();
    warm(&service.caller(), user).await;
    assert_eq!(proxy.accepted(), accepted);
}

/// Whether a session of these servers may write; `None` if none is acceptable.
async fn writes(list: &[&PgConnectOptions], role: Role) -> Option<bool> {
    let servers = Servers {
        list: list.iter().map(|server| (*server).clone()).collect(),
        role,
        attempt: Duration::from_secs(5),
    };
    let mut connection = servers.connect().await.ok()?;
    let found = sqlx::query_scalar("SELECT current_setting('transaction_read_only') = 'off'");
    found.fetch_one(&mut connection).await.ok()
}

#[tokio::test]
async fn read_only_primary_serves_readers_if_no_server_takes_writes() {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    let writer: PgConnectOptions = database.url().parse().unwrap();
    let fenced = writer.clone().options([("default_transaction_read_only", "on")]);
    for (list, role, found) in [
        (&[&fenced, &writer][..], Role::Primary, Some(true)),
        (&[&fenced], Role::Primary, Some(false)),
        (&[&fenced, &writer], Role::ReadWrite, Some(true)),
        (&[&fenced], Role::ReadWrite, None),
        (&[&fenced, &writer], Role::Any, Some(false)),
    ] {
        assert_eq!(writes(list, role).await, found, "{role:?} of {}", list.len());
    }

    let nobody = FaultyProxy::to(address(database.url())).await.unwrap();
    nobody.welcome(Welcome::Close);
    let places = [nobody.address(), address(database.url())];
    let url = at(
        database.url(),
        &places,
        "?connect_timeout=1&target_session_attrs=primary",
    );
    let service = Service::start(&url, &QUICK).await;
    let caller = service.caller();
    warm(&caller, user).await;
    let name: String = database.value("SELECT current_database()::text").await;
    database
        .execute(&format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = on"
        ))
        .await
        .unwrap();
    // Open sessions keep the setting of their beginning.
    database
        .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        .await
        .unwrap();
    for number in 0..8 {
        let answer = caller.show(user).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let credit = caller.credit(user, &format!("key-{number}")).await;
        credit.unwrap().assert_unavailable();
    }
    let ready = caller.get("/readyz").await.unwrap();
    assert_eq!(ready.body["checks"]["database"], "read-only");
}

#[tokio::test]
async fn commits_waiting_for_a_lost_standby_do_not_block_readers() {
    let server = Server::start().await;
    let mut outside = sqlx::PgConnection::connect(&server.url()).await.unwrap();
    let service = Service::start_with(&["serve", "--migrate"], &server.url(), &QUICK).await;
    let caller = service.caller();
    until("it is ready", async || {
        caller.get("/readyz").await.unwrap().status == 200
    })
    .await;
    let mut users = Vec::new();
    for _ in 0..12 {
        users.push(user(&mut outside).await);
    }
    let user = users[0];
    warm(&caller, user).await;

    let mut waits = async |names: &str| {
        let change = format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(change))
            .execute(&mut outside)
            .await
            .unwrap();
        sqlx::raw_sql("SELECT pg_reload_conf()")
            .execute(&mut outside)
            .await
            .unwrap();
    };
    waits("nobody").await;
    let credits: Vec<_> = (0..40)
        .map(|number| {
            let (caller, user) = (caller.clone(), users[number % users.len()]);
            tokio::spawn(async move { caller.credit(user, &format!("key-{number}")).await })
        })
        .collect();
    let mut failed = 0;
    while credits.iter().any(|credit| !credit.is_finished()) {
        let answer = caller.show(user).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.took < Duration::from_secs(5), "{answer:?}");
    }
    for credit in credits {
        failed += usize::from(credit.await.unwrap().unwrap().status != 200);
    }
    assert!(failed > 0, "no commit hung");
    let state = async || {
        let ready = caller.get("/readyz").await.unwrap();
        (ready.status, ready.body["checks"]["database"].clone())
    };
    assert_eq!(state().await, (503, "waits for a standby".into()));
    assert_eq!(caller.get("/health").await.unwrap().status, 503);
    let (_, doctor) = Service::told(&["doctor"], &server.url(), &[]).await;
    assert!(
        doctor.contains("WRONG    writing    commits wait for a synchronous standby"),
        "{doctor}"
    );

    waits("").await;
    until("credits are made again", async || {
        caller.credit(user, "after").await.unwrap().status == 200
    })
    .await;
    // The server wakes its sessions one after the other.
    until("no commit waits any more", async || {
        state().await == (200, "ok".into())
    })
    .await;
}

#[tokio::test]
async fn one_connection_is_enough_for_the_background_too() {
    let database = TestDatabase::with_connections(2).await;
    let user = user(&mut database.connect().await).await;
    let small = [("DB_POOL_MAX", "1")];
    let service = Service::start(database.url(), &[&NO_LIMITS[..], &small].concat()).await;
    let caller = service.caller();
    warm(&caller, user).await;
    assert_eq!(caller.credit(user, "one").await.unwrap().status, 200);
    until("the sweeper has been here", async || {
        database
            .value::<i64>(
                "SELECT count(*) FROM auth.work_leases WHERE job = 'expire_holds' AND expires_at <= now()",
            )
            .await
            == 1
    })
    .await;
}
