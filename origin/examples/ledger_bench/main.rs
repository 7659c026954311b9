//! Measures how fast the service moves tokens, beside pgbench with the same statement on the same server.
//!
//! Creates a database of its own and fills it with users. Then, in turns, pgbench runs `move.sql`, and clients credit tokens over HTTP
//! through `origin serve`, on random users and on one hot user. Prints one line for each row with the ratio of the medians, and reconciles
//! the ledger at the end. Needs `pgbench` in the path.
//!
//! `TEST_DATABASE_URL=postgres://… cargo run --release -p crossfade-origin --example ledger_bench`
//! (after `cargo build --release -p crossfade-origin`, for the program beside it).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod load;
mod pgbench;
mod service;

use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use ledger::Ledger;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

#[derive(Parser)]
struct Arguments {
    /// Users in the table
    #[arg(long, default_value_t = 100_000)]
    people: u32,
    /// Clients at once, of pgbench and of the service, and connections of the service's pool
    #[arg(long, default_value_t = 16)]
    clients: u32,
    /// Seconds of each turn
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Turns of each side; the medians are compared
    #[arg(long, default_value_t = 3)]
    turns: usize,
    /// One JSON document instead of lines
    #[arg(long)]
    json: bool,
    /// Server to create the database on; `TEST_DATABASE_URL` if not given
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

/// The user with the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Random,
    Hot,
}

/// One row of the table.
struct Row {
    name: &'static str,
    wanted: f64,
    pgbench: f64,
    service: f64,
    latency: load::Latency,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let server = arguments
        .server
        .clone()
        .or_else(|| std::env::var("TEST_DATABASE_URL").ok())
        .expect("--server or TEST_DATABASE_URL is needed");
    let server = PgConnectOptions::from_str(&server).expect("not a PostgreSQL URL");
    let name = format!("ledger_bench_{}", std::process::id());
    let mut admin = server.clone().connect().await.unwrap();
    execute(&mut admin, &format!("CREATE DATABASE {name} TEMPLATE template0")).await;
    let adds_up = measure(&arguments, &server.clone().database(&name)).await;
    execute(&mut admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if adds_up {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn measure(arguments: &Arguments, database: &PgConnectOptions) -> bool {
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect_with(database.clone())
        .await
        .unwrap();
    schema::migrate(&pool).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let people = arguments.people;
    execute(
        &mut connection,
        &format!(
            "INSERT INTO auth.users (id, email, password_hash) \
             SELECT {}, i || '@bench.example', 'x' FROM generate_series(1, {people}) AS i",
            user_sql("i"),
        ),
    )
    .await;
    execute(&mut connection, "VACUUM ANALYZE auth.users").await;
    execute(&mut connection, "CHECKPOINT").await;
    let durable: String =
        sqlx::query_scalar("SELECT current_setting('fsync') || '/' || current_setting('synchronous_commit')")
            .fetch_one(&mut *connection)
            .await
            .unwrap();
    drop(connection);

    let mut rows = Vec::new();
    for (name, target, wanted) in [
        ("credit, random people", Target::Random, 0.6),
        ("credit, one hot person", Target::Hot, 1.0),
    ] {
        rows.push(turns(arguments, database, name, target, wanted).await);
    }
    let differences = Ledger::new(pool.clone()).reconcile().await.unwrap();
    pool.close().await;
    print(arguments, &rows, &durable, differences.len());
    differences.is_empty()
}

async fn turns(
    arguments: &Arguments,
    database: &PgConnectOptions,
    name: &'static str,
    target: Target,
    wanted: f64,
) -> Row {
    let length = Duration::from_secs(arguments.seconds);
    let (mut by_pgbench, mut by_service) = (Vec::new(), Vec::new());
    for _ in 0..arguments.turns {
        by_pgbench.push(pgbench::run(
            database,
            target,
            arguments.people,
            arguments.clients,
            length,
        ));
        let service = service::Service::start(database, arguments.clients);
        // The first connections, plans and pages count for neither side.
        load::run(
            service.address(),
            target,
            arguments.people,
            arguments.clients,
            Duration::from_secs(1),
        );
        by_service.push(load::run(
            service.address(),
            target,
            arguments.people,
            arguments.clients,
            length,
        ));
    }
    by_service.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    by_pgbench.sort_by(f64::total_cmp);
    let middle = &by_service[by_service.len() / 2];
    Row {
        name,
        wanted,
        pgbench: by_pgbench[by_pgbench.len() / 2],
        service: middle.per_second,
        latency: middle.latency,
    }
}

fn print(arguments: &Arguments, rows: &[Row], durable: &str, differences: usize) {
    if arguments.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                serde_json::json!({
                    "name": row.name, "pgbench_per_second": row.pgbench, "service_per_second": row.service,
                    "ratio": row.service / row.pgbench, "wanted": row.wanted,
                    "p50_ms": row.latency.p50_ms, "p99_ms": row.latency.p99_ms,
                })
            })
            .collect();
        println!(
            "{}",
            serde_json::json!({ "rows": rows, "differences": differences, "fsync_commit": durable })
        );
        return;
    }
    println!(
        "{} clients, {} people, fsync/synchronous_commit {durable}, median of {} turns of {} s",
        arguments.clients, arguments.people, arguments.turns, arguments.seconds
    );
    println!(
        "{:<24} {:>10} {:>10} {:>7} {:>7} {:>9} {:>9}",
        "", "pgbench/s", "service/s", "ratio", "wanted", "p50 ms", "p99 ms"
    );
    for row in rows {
        println!(
            "{:<24} {:>10.0} {:>10.0} {:>7.2} {:>7.2} {:>9.2} {:>9.2}",
            row.name,
            row.pgbench,
            row.service,
            row.service / row.pgbench,
            row.wanted,
            row.latency.p50_ms,
            row.latency.p99_ms,
        );
    }
    println!("ledger differences: {differences}");
}

/// The id of the user with number `n`, an SQL expression.
pub fn user_sql(n: &str) -> String {
    format!("('00000000-0000-4000-8000-' || lpad(to_hex({n}), 12, '0'))::uuid")
}

/// The same id as text.
pub fn user_text(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012x}")
}

async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}
