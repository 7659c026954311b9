//! The table, the ratios and what they should be.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;
use stack::build_edge::Sizes;
use stack::fault::{Done, Fault, In as _};

use super::cases::{
    APP_SERVICE, BREAKER_OPEN, MOST_GZIPPED_KB, MOST_REFUSED_US, MOST_START_MS, MOST_TRANSLATED_US, OURS,
    TARGETS, TRANSLATED,
};
use super::{Options, STEP};
use crate::figures::{self, Figures};
use crate::target::{self, Check, at_most, median};

/// Prints everything, and writes it where the options say.
///
/// A missed target is told, not an error: it depends on the machine. An answer of another status is an error.
pub fn print(
    rows: &[Figures],
    options: &Options,
    sizes: Sizes,
    starts: &BTreeMap<String, Vec<f64>>,
    load_before: &str,
) -> Done {
    println!(
        "\n{} connections, {} turns. Load average of the machine before: {load_before}.",
        options.connections, options.turns
    );
    println!(
        "{:<50} {:>9} {:>9} {:>8} {:>8} {:>10}",
        "worker, tokens", "requests", "req/s", "p50 µs", "p99 µs", "CPU µs/req"
    );
    for row in rows {
        println!(
            "{:<50} {:>9} {:>9.0} {:>8.0} {:>8.0} {:>10.0}",
            row.name,
            row.requests(),
            median(row.rates()),
            row.percentile(50),
            row.percentile(99),
            micros(row)
        );
    }
    let checks = checks(rows, sizes, starts);
    println!("\nRatios are medians of the turns' ratios of requests a second:");
    target::print(&checks);
    println!("\nStart of workerd to the first answer:");
    for (worker, times) in starts {
        println!(
            "  {worker:<18} quickest {:>5.1} ms, median {:>5.1} ms of {}",
            times.first().copied().unwrap_or(f64::NAN),
            median(times.clone()),
            times.len()
        );
    }
    println!("\nThe Worker as uploaded: {sizes}");
    if let Some(path) = &options.json {
        let document = json!({
            "connections": options.connections, "turns": options.turns, "load_before": load_before,
            "rows": rows.iter().map(row_of).collect::<Vec<_>>(),
            "targets": checks,
            "start_ms": starts,
            "bytes": sizes,
        });
        fs::write(path, serde_json::to_vec_pretty(&document).in_step(STEP)?).in_step(STEP)?;
    }
    match rows.iter().find(|row| row.failed() > 0) {
        Some(row) => Err(Fault::new(
            STEP,
            format!("{}: {} answers had another status", row.name, row.failed()),
        )),
        None => Ok(()),
    }
}

fn row_of(row: &Figures) -> serde_json::Value {
    json!({
        "name": row.name, "requests": row.requests(), "failed": row.failed(), "per_second": median(row.rates()),
        "p50_us": row.percentile(50), "p99_us": row.percentile(99), "cpu_us": micros(row),
    })
}

fn checks(rows: &[Figures], sizes: Sizes, starts: &BTreeMap<String, Vec<f64>>) -> Vec<Check> {
    let find = |name: &str| rows.iter().find(|row| row.name == name);
    let mut checks = figures::ratios(rows, &TARGETS);
    if let Some(refused) = find(BREAKER_OPEN) {
        checks.push(at_most(
            format!("{BREAKER_OPEN}: µs a request, all connections together"),
            1e6 / median(refused.rates()),
            MOST_REFUSED_US,
        ));
        checks.push(at_most(
            format!("{BREAKER_OPEN}: CPU µs a request"),
            micros(refused),
            MOST_REFUSED_US,
        ));
    }
    if let (Some(translated), Some(plain)) = (find(TRANSLATED), find(APP_SERVICE)) {
        checks.push(at_most(
            "a translated token: CPU µs a request more".to_owned(),
            micros(translated) - micros(plain),
            MOST_TRANSLATED_US,
        ));
    }
    checks.push(at_most(
        "wasm, KB gzipped".to_owned(),
        sizes.wasm_gzipped as f64 / 1e3,
        MOST_GZIPPED_KB,
    ));
    if let Some(ours) = starts.get(OURS) {
        checks.push(at_most(
            "start of workerd to the first answer, ms (median)".to_owned(),
            median(ours.clone()),
            MOST_START_MS,
        ));
    }
    checks
}

/// Microseconds of workerd's processor time a request.
fn micros(row: &Figures) -> f64 {
    row.service_cpu().unwrap_or(f64::NAN)
}
