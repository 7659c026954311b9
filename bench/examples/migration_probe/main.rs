//! Measures how long readers and writers of `auth.users` wait while every migration runs. It fills a database of its own with users in the
//! legacy service's form, lets clients read and write all the time, migrates up and down, and reports the longest single wait of each kind.
//! Exits 1 if one exceeds the limit. `control` writes to a table that no migration touches: it shows what the machine and the disk did at
//! the same time. Each wait is shown with the server's wait events.
//!
//! Filling takes longer than migrating: `--fill` leaves the filled database on the server, and later runs with as many rows use copies of
//! it.
//!
//! `TEST_DATABASE_URL=postgres://… cargo run --release -p crossfade-bench --example migration_probe -- --rows 2000000`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod waits;

use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use schema::{self, Options, Progress};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};

const LEGACY_BASELINE: &str = include_str!("../../../origin/tests/schema/legacy_baseline.sql");

#[derive(Parser)]
struct Arguments {
    /// Users in the table
    #[arg(long, default_value_t = 2_000_000)]
    rows: i64,
    /// Rows a batch of a back-fill
    #[arg(long, default_value_t = Options::default().batch_size)]
    batch_size: i64,
    /// Longest wait allowed, in milliseconds
    #[arg(long, default_value_t = 50)]
    limit_ms: u64,
    /// Statements a second of each client, each timed from the moment it was due. 0 lets every client go on as soon as it has its
    /// answer, which alone keeps most disks busy
    #[arg(long, default_value_t = 50, value_name = "STATEMENTS")]
    rate: u32,
    /// How long the same load runs before anything migrates, in seconds: what the machine does to it by itself
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    calm: u64,
    /// Only fills the database that later runs copy
    #[arg(long)]
    fill: bool,
    /// Server to create the database on; `TEST_DATABASE_URL` if not given
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

/// The clients' statements, each client on a connection of its own.
const CLIENTS: [(&str, &str); 4] = [
    (
        "read",
        "SELECT id, email, token_balance FROM auth.users WHERE id = md5(($1 % $2)::text)::uuid",
    ),
    (
        "update",
        "UPDATE auth.users SET token_balance = token_balance + 1, last_login = now() WHERE id = md5(($1 % $2)::text)::uuid",
    ),
    (
        "insert",
        "INSERT INTO auth.users (email, password_hash, token_balance) VALUES ('new-' || $1 || '-' || $2 || '@x.test', 'h', 3)",
    ),
    // A table that no migration touches: it shows the machine's own effect on a commit.
    (
        "control",
        "UPDATE public.probe_control SET value = $1 WHERE id = $2 % 1",
    ),
];

/// The longest wait so far in the current phase, in microseconds, by client, with its wait events.
#[derive(Clone, Default)]
struct Longest {
    micros: Arc<[AtomicU64; CLIENTS.len()]>,
    sessions: Arc<[AtomicI32; CLIENTS.len()]>,
    waits: waits::Waits,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let server = arguments
        .server
        .clone()
        .or_else(|| std::env::var("TEST_DATABASE_URL").ok())
        .expect("--server or TEST_DATABASE_URL");
    let server = PgConnectOptions::from_str(&server).expect("the server's address is a PostgreSQL URL");
    let filled = format!("migration_probe_of_{}", arguments.rows);
    let is_filled = exists(&server, &filled).await;
    if arguments.fill {
        if !is_filled {
            run(&server, &format!("CREATE DATABASE {filled} TEMPLATE template0")).await;
            fill(&server.clone().database(&filled), arguments.rows).await;
        }
        return ExitCode::SUCCESS;
    }
    let name = format!("migration_probe_{}", std::process::id());
    let template = if is_filled { &filled } else { "template0" };
    run(&server, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let database = server.clone().database(&name);
    if !is_filled {
        fill(&database, arguments.rows).await;
    }
    run(&database, "CHECKPOINT").await;
    let worst = probe(&database, &arguments).await;
    run(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    let limit = Duration::from_millis(arguments.limit_ms);
    println!(
        "longest wait during all migrations: {:.1} ms (limit {} ms)",
        milliseconds(worst),
        arguments.limit_ms
    );
    if worst <= limit {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Makes the legacy service's tables with `rows` users in them.
async fn fill(database: &PgConnectOptions, rows: i64) {
    let started = Instant::now();
    run(database, LEGACY_BASELINE).await;
    run(
        database,
        &format!(
            "INSERT INTO auth.users (id, username, email, password_hash, token_balance)
             SELECT md5(n::text)::uuid, 'user' || n, 'User' || n || '@example.org', '$2b$10$' || repeat('h', 53), n % 50
             FROM generate_series(0, {rows} - 1) AS n"
        ),
    )
    .await;
    run(database, "CREATE TABLE public.probe_control (id bigint PRIMARY KEY, value bigint); INSERT INTO public.probe_control VALUES (0, 0)").await;
    run(database, "VACUUM ANALYZE auth.users").await;
    println!(
        "{rows} users in place after {:.0} s",
        started.elapsed().as_secs_f64()
    );
}

async fn probe(database: &PgConnectOptions, arguments: &Arguments) -> Duration {
    let rows = arguments.rows;
    let (stop, longest) = (Arc::new(AtomicBool::new(false)), Longest::default());
    let watch = tokio::spawn(longest.waits.clone().watch(connect(database).await));
    let clients: Vec<_> = (0..CLIENTS.len())
        .map(|client| {
            tokio::spawn(keep_busy(
                client,
                database.clone(),
                rows,
                arguments.rate,
                Duration::from_millis(arguments.limit_ms),
                Arc::clone(&stop),
                longest.clone(),
            ))
        })
        .collect();

    let calm = Duration::from_secs(arguments.calm);
    tokio::time::sleep(calm).await;
    report("no migration", calm, &longest);

    let worst = Mutex::new(Duration::ZERO);
    let mut show = |progress| {
        if let Progress::Done { migration, took } = progress {
            let mut worst = worst.lock().unwrap();
            *worst = (*worst).max(report(migration, took, &longest));
        }
    };
    println!("up");
    schema::up(
        database,
        &Options {
            batch_size: arguments.batch_size,
            ..Options::default()
        },
        &mut show,
    )
    .await
    .unwrap();
    println!("down");
    let accept = Options {
        accept_loss: true,
        ..Options::default()
    };
    schema::down(database, 0, &accept, &mut show).await.unwrap();

    stop.store(true, Ordering::Relaxed);
    let mut statements = 0;
    for client in clients {
        statements += client.await.unwrap();
    }
    watch.abort();
    println!("{statements} statements of clients, none failed");
    worst.into_inner().unwrap()
}

async fn keep_busy(
    client: usize,
    database: PgConnectOptions,
    rows: i64,
    rate: u32,
    limit: Duration,
    stop: Arc<AtomicBool>,
    longest: Longest,
) -> u64 {
    let mut connection = connect(&database.application_name("probe")).await;
    longest.sessions[client].store(waits::pid(&mut connection).await, Ordering::Relaxed);
    let (name, sql) = CLIENTS[client];
    let mut statements: u64 = 0;
    let mut due = (rate > 0).then(|| tokio::time::interval(Duration::from_secs(1) / rate));
    while !stop.load(Ordering::Relaxed) {
        // A stride that visits every row in an order unlike that of the table.
        let n = i64::try_from(statements).unwrap().wrapping_mul(7_919);
        let asked = match &mut due {
            Some(due) => due.tick().await.into_std(),
            None => Instant::now(),
        };
        sqlx::query(sql)
            .bind(n)
            .bind(rows)
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let waited = asked.elapsed();
        if waited > limit && rate > 0 {
            // With the time, to find the wait in the server's log.
            let now = chrono::Utc::now().format("%H:%M:%S%.3f");
            println!("  {now} UTC: {name} waited {:.1} ms", milliseconds(waited));
        }
        longest.micros[client].fetch_max(u64::try_from(waited.as_micros()).unwrap(), Ordering::Relaxed);
        statements += 1;
    }
    statements
}

/// Prints and resets the longest waits; answers the longest of all.
fn report(phase: &str, took: Duration, longest: &Longest) -> Duration {
    let waits: Vec<_> = CLIENTS
        .iter()
        .enumerate()
        .map(|(client, (name, _))| {
            let wait = Duration::from_micros(longest.micros[client].swap(0, Ordering::Relaxed));
            let spent_on = longest
                .waits
                .take(longest.sessions[client].load(Ordering::Relaxed));
            (name, wait, spent_on)
        })
        .collect();
    let columns: Vec<String> = waits
        .iter()
        .map(|(name, wait, spent_on)| format!("{name} {:6.1} ms [{spent_on}]", milliseconds(*wait)))
        .collect();
    println!(
        "  {phase:32} {:7.2} s   {}",
        took.as_secs_f64(),
        columns.join("   ")
    );
    waits
        .into_iter()
        .filter(|(name, _, _)| **name != "control")
        .map(|(_, wait, _)| wait)
        .max()
        .unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    options
        .clone()
        .options([("client_min_messages", "warning")])
        .connect()
        .await
        .expect("the server refuses the connection")
}

async fn run(options: &PgConnectOptions, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connect(options).await)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn exists(server: &PgConnectOptions, database: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(database)
        .fetch_one(&mut connect(server).await)
        .await
        .expect("the server answers")
}
