//! The table, the ratios and what they should be.

use serde_json::json;
use stack::fault::{Done, Fault};

use super::steps::Step;
use super::{Options, Row, STEP};
use crate::origin::POOL;
use crate::target::{self, Check, at_least, at_most, median, median_ratio};

/// The least that ours should make of the plan's requests a second.
const LEAST: [(Step, f64); 2] = [(Step::Me, 4.0), (Step::Credit, 2.0)];

/// Peak memory in megabytes of each program of a system, by table size.
pub type Memory = (u32, &'static str, Vec<(&'static str, f64)>);

/// Prints everything, and writes it where the options say.
///
/// A missed target is told, not an error: it depends on the machine. A wrong answer is an error.
pub fn print(rows: &[Row], memory: &[Memory], options: &Options) -> Done {
    println!(
        "\nPools of {POOL}, {} turns of {} s. CPU is microseconds a request, of all programs of a system and of PostgreSQL.",
        options.turns, options.seconds
    );
    println!(
        "{:>9} {:>11} {:<9} {:<10} {:>8} {:>9} {:>9} {:>12} {:>8} {:>9}",
        "users", "connections", "step", "", "req/s", "p50 µs", "p99 µs", "programs CPU", "PG CPU", "requests"
    );
    for row in rows {
        println!(
            "{:>9} {:>11} {:<9} {:<10} {:>8.0} {:>9.0} {:>9.0} {:>12.0} {:>8.0} {:>9}",
            row.users,
            row.connections,
            row.step.name(),
            row.system,
            median(row.figures.rates()),
            row.figures.percentile(50),
            row.figures.percentile(99),
            row.figures.service_cpu().unwrap_or(f64::NAN),
            row.figures.database_cpu(),
            row.figures.requests(),
        );
    }
    println!("\nThe most memory that the programs held, in MB:");
    for (users, system, programs) in memory {
        let each: Vec<String> = programs
            .iter()
            .map(|(name, peak)| format!("{name} {peak:.0}"))
            .collect();
        let sum: f64 = programs.iter().map(|(_, peak)| peak).sum();
        println!("{users:>9} users  {system:<10} {sum:>5.0}: {}", each.join(", "));
    }
    println!("\nMedians of the turns' ratios, ours to the plan's:");
    let checks = checks(rows);
    target::print(&checks);
    options.output.write(|| {
        json!({
            "turns": options.turns, "seconds": options.seconds, "pool": POOL,
            "rows": rows.iter().map(row_of).collect::<Vec<_>>(),
            "memory_mb": memory, "targets": checks,
        })
    })?;
    match rows.iter().find(|row| row.figures.failed() > 0) {
        Some(row) => Err(Fault::new(
            STEP,
            format!(
                "{}, {} at {} connections: {} answers were wrong",
                row.step.name(),
                row.system,
                row.connections,
                row.figures.failed()
            ),
        )),
        None => Ok(()),
    }
}

fn row_of(row: &Row) -> serde_json::Value {
    json!({
        "users": row.users, "connections": row.connections, "step": row.step.name(), "system": row.system,
        "per_second": median(row.figures.rates()), "p50_us": row.figures.percentile(50), "p99_us": row.figures.percentile(99),
        "programs_cpu_us": row.figures.service_cpu(), "database_cpu_us": row.figures.database_cpu(),
        "requests": row.figures.requests(), "failed": row.figures.failed(),
    })
}

/// Rows follow each other in pairs: ours, the plan's.
fn checks(rows: &[Row]) -> Vec<Check> {
    let mut checks = Vec::new();
    for pair in rows.chunks_exact(2) {
        let [ours, plan] = pair else { continue };
        let what = format!(
            "{}, {} users, {} connections",
            ours.step.name(),
            ours.users,
            ours.connections
        );
        let least = LEAST.iter().find(|(step, _)| *step == ours.step);
        checks.push(at_least(
            format!("{what}: requests a second"),
            ours.figures.ratio(&plan.figures),
            least.map_or(1.0, |(_, least)| *least),
        ));
        checks.push(at_most(
            format!("{what}: p99"),
            median_ratio(&ours.figures.percentiles(99), &plan.figures.percentiles(99)),
            1.0,
        ));
    }
    checks
}
