//! The table, the ratios and what they should be.

use serde_json::json;
use stack::fault::{Done, Fault};

use super::services::Memory;
use super::{Options, POOL, STEP};
use crate::figures::{self, Figures};
use crate::target::{self, Check, at_most, median, median_ratio};

/// What a target compares, and the least it asks for.
const TARGETS: [(&str, &str, f64); 6] = [
    ("me", "pgbench select", 0.6),
    ("me by token", "well-made me", 1.3),
    ("me by token", "plan me", 5.0),
    ("first sight", "pgbench insert", 0.6),
    ("credit, random", "pgbench movement, random", 0.6),
    ("credit, one user", "pgbench movement, one user", 1.0),
];
/// What a target compares by processor time, and the most it allows.
const CPU_TARGETS: [(&str, &str, f64); 2] = [
    ("me", "limit: SELECT, one connection", 1.4),
    ("me", "limit: SELECT, sixteen connections", 1.4),
];
/// Microseconds of processor time by which an assertion may cost more than a token that is remembered.
const MOST_FOR_ASSERTION: f64 = 4.0;
/// Microseconds of processor time that a read may cost the service.
const MOST_CPU: f64 = 30.0;
/// Megabytes the service may hold, idle and loaded.
const MOST_MEMORY: (f64, f64) = (20.0, 64.0);
/// By how much the slowest percent may grow with the table.
const MOST_GROWTH: f64 = 1.2;

/// Prints everything, and writes it where the options say.
///
/// A missed target is told, not an error: it depends on the machine. Failed requests are an error.
pub fn print(rows: &[Figures], options: &Options, idle: Option<Memory>, loaded: Option<Memory>) -> Done {
    println!(
        "\n{} connections, pools of {POOL}, {} turns of {} s, users: {:?}. CPU is microseconds a request.",
        options.connections, options.turns, options.seconds, options.users
    );
    println!(
        "{:<40} {:>9} {:>9} {:>8} {:>8} {:>12} {:>9}",
        "", "requests", "req/s", "p50 µs", "p99 µs", "service CPU", "PG CPU"
    );
    for row in rows {
        println!(
            "{:<40} {:>9} {:>9.0} {:>8.0} {:>8.0} {:>12} {:>9.0}",
            row.name,
            row.requests(),
            median(row.rates()),
            row.percentile(50),
            row.percentile(99),
            row.service_cpu()
                .map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.0}")),
            row.database_cpu()
        );
    }
    println!("\nMedians of the turns' ratios:");
    let checks = checks(rows, options, idle, loaded);
    target::print(&checks);
    options.output.write(|| document(rows, &checks, options))?;
    match rows.iter().find(|row| row.failed() > 0) {
        Some(row) => Err(Fault::new(
            STEP,
            format!("{}: {} answers were not 200", row.name, row.failed()),
        )),
        None => Ok(()),
    }
}

fn checks(rows: &[Figures], options: &Options, idle: Option<Memory>, loaded: Option<Memory>) -> Vec<Check> {
    let find = |name: &str| rows.iter().find(|row| row.name == name);
    let mut checks = figures::ratios(rows, &TARGETS);
    for (ours, theirs, most) in CPU_TARGETS {
        if let (Some(ours), Some(theirs)) = (find(ours), find(theirs)) {
            let what = format!("CPU of {} / {}", ours.name, theirs.name);
            checks.push(at_most(what, median_ratio(&ours.costs(), &theirs.costs()), most));
        }
    }
    if let (Some(assertion), Some(token)) = (find("me"), find("me by token")) {
        let differences = assertion.costs().into_iter().zip(token.costs());
        let more = median(differences.map(|(assertion, token)| assertion - token).collect());
        let what = "me: CPU beyond that of me by token, µs".to_owned();
        checks.push(at_most(what, more, MOST_FOR_ASSERTION));
    }
    if let Some(cpu) = find("me").and_then(Figures::service_cpu) {
        checks.push(at_most("me: service CPU, µs".to_owned(), cpu, MOST_CPU));
    }
    for (what, memory, most) in [
        ("memory idle, MB", idle.map(|memory| memory.now), MOST_MEMORY.0),
        (
            "memory loaded (peak), MB",
            loaded.map(|memory| memory.peak),
            MOST_MEMORY.1,
        ),
    ] {
        if let Some(memory) = memory {
            checks.push(at_most(what.to_owned(), memory, most));
        }
    }
    for users in options.users.iter().skip(1) {
        for row in rows {
            if let Some(larger) = find(&format!("{}, {users} users", row.name)) {
                checks.push(at_most(
                    format!("p99 of {} / {}", larger.name, row.name),
                    median_ratio(&larger.percentiles(99), &row.percentiles(99)),
                    MOST_GROWTH,
                ));
            }
        }
    }
    checks
}

fn document(rows: &[Figures], checks: &[Check], options: &Options) -> serde_json::Value {
    json!({
        "users": options.users, "connections": options.connections, "pool": POOL,
        "turns": options.turns, "seconds": options.seconds,
        "rows": rows.iter().map(|row| json!({
            "name": row.name, "requests": row.requests(), "per_second": median(row.rates()), "failed": row.failed(),
            "p50_us": row.percentile(50), "p99_us": row.percentile(99),
            "service_cpu_us": row.service_cpu(), "database_cpu_us": row.database_cpu(),
        })).collect::<Vec<_>>(),
        "targets": checks,
    })
}
