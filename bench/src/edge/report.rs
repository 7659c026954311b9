//! The table, the ratios and what they should be.

use serde_json::json;
use stack::build_edge::Sizes;
use stack::fault::{Done, Fault};
use std::collections::BTreeMap;

use super::cases::{
    BREAKER_OPEN, ENDS, FRESH_TARGETS, MOST_GZIPPED_KB, MOST_REFUSED_US, MOST_START, OURS, SETTLED_TARGETS,
};
use super::{FIRST, Options, STEP};
use crate::figures::{self, Figures};
use crate::target::{self, Check, at_most, median, turn_ratios};

/// The worker of the other start.
const BARE: &str = "bare JavaScript";
/// By how much the two ends of a turn may differ before the run says so.
const MOST_APART: f64 = 0.15;

/// Prints everything, and writes it where the options say.
///
/// A missed target is told, not an error: it depends on the machine. An answer of another status is an error.
pub fn print(
    fresh: &[Figures],
    settled: &[Figures],
    options: &Options,
    sizes: Sizes,
    starts: &BTreeMap<String, Vec<f64>>,
    load_before: &str,
) -> Done {
    println!(
        "\n{} connections, {} turns. Load average of the machine before: {load_before}.\n\
         CPU is workerd's, of a request beside the pass-through's of the same turn: the median of the turns, and their range.",
        options.connections, options.turns
    );
    table(&format!("the first {FIRST} requests of an isolate"), fresh);
    table(
        &format!("settled, after {} requests of each Worker", options.settle),
        settled,
    );
    let mut checks = ratios(fresh, &FRESH_TARGETS, "first: ");
    checks.extend(ratios(settled, &SETTLED_TARGETS, ""));
    checks.extend(limits(settled, sizes, starts));
    println!("\nCPU ratios are medians of the turns' ratios:");
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
    let rows = || fresh.iter().chain(settled);
    options.output.write(|| {
        let of = |rows: &[Figures]| rows.iter().map(|row| row_of(row, rows)).collect::<Vec<_>>();
        json!({
            "connections": options.connections, "turns": options.turns, "load_before": load_before,
            "fresh": of(fresh), "settled": of(settled),
            "targets": checks,
            "start_ms": starts,
            "bytes": sizes,
        })
    })?;
    match rows().find(|row| row.failed() > 0) {
        Some(row) => Err(Fault::new(
            STEP,
            format!("{}: {} answers had another status", row.name, row.failed()),
        )),
        None => Ok(()),
    }
}

fn table(what: &str, rows: &[Figures]) {
    println!(
        "\n{:<50} {:>18} {:>8} {:>8} {:>8} {:>8} {:>9}",
        what, "CPU ratio", "req/s", "p50 µs", "p99 µs", "CPU µs", "requests"
    );
    for row in rows {
        let ratios = to_pass_through(row, rows);
        let (least, most) = range(&ratios);
        println!(
            "{:<50} {:>18} {:>8.0} {:>8.0} {:>8.0} {:>8.0} {:>9}",
            row.name,
            format!("{:.2} ({least:.2}-{most:.2})", median(ratios)),
            median(row.rates()),
            row.percentile(50),
            row.percentile(99),
            micros(row),
            row.requests(),
        );
    }
    for (number, apart) in apart(rows).into_iter().enumerate() {
        if apart.abs() > MOST_APART {
            println!(
                "NOISE: in turn {} the pass-through cost {:+.0} % at the end beside the beginning.",
                number + 1,
                apart * 100.0
            );
        }
    }
}

/// By how much the pass-through costs more at the end of each turn than at its beginning, as a share.
fn apart(rows: &[Figures]) -> Vec<f64> {
    let costs = |name: &str| find(rows, name).map(Figures::costs).unwrap_or_default();
    turn_ratios(&costs(ENDS.1), &costs(ENDS.0))
        .into_iter()
        .map(|ratio| ratio - 1.0)
        .collect()
}

/// A row's CPU beside the mean of both ends, turn by turn.
fn to_pass_through(row: &Figures, rows: &[Figures]) -> Vec<f64> {
    let costs = |name: &str| find(rows, name).map(Figures::costs).unwrap_or_default();
    let ends: Vec<f64> = costs(ENDS.0)
        .iter()
        .zip(costs(ENDS.1))
        .map(|(first, last)| f64::midpoint(*first, last))
        .collect();
    turn_ratios(&row.costs(), &ends)
}

fn range(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
            (least.min(*value), most.max(*value))
        })
}

fn find<'a>(rows: &'a [Figures], name: &str) -> Option<&'a Figures> {
    rows.iter().find(|row| row.name == name)
}

fn row_of(row: &Figures, rows: &[Figures]) -> serde_json::Value {
    json!({
        "name": row.name, "cpu_ratios": to_pass_through(row, rows), "per_second": median(row.rates()),
        "requests": row.requests(), "failed": row.failed(),
        "p50_us": row.percentile(50), "p99_us": row.percentile(99), "cpu_us": micros(row),
    })
}

/// What the CPU ratios come to: each of `targets` (ours, theirs or else the pass-through, the most wanted), and each row beside the
/// other build's.
fn ratios(rows: &[Figures], targets: &[(&str, Option<&str>, f64)], prefix: &str) -> Vec<Check> {
    let beside = |ours: &Figures, theirs: &Figures, most| {
        let ratio = median(turn_ratios(&ours.costs(), &theirs.costs()));
        at_most(format!("{prefix}{} / {}", ours.name, theirs.name), ratio, most)
    };
    let wanted = targets.iter().filter_map(|(ours, theirs, most)| {
        let ours = find(rows, ours)?;
        Some(match theirs {
            Some(theirs) => beside(ours, find(rows, theirs)?, *most),
            None => at_most(
                format!("{prefix}{} / pass-through", ours.name),
                median(to_pass_through(ours, rows)),
                *most,
            ),
        })
    });
    let before = rows
        .iter()
        .filter_map(|row| Some(beside(row, find(rows, &figures::beside(&row.name))?, 1.0)));
    wanted.chain(before).collect()
}

fn limits(rows: &[Figures], sizes: Sizes, starts: &BTreeMap<String, Vec<f64>>) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(refused) = find(rows, BREAKER_OPEN) {
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
    checks.push(at_most(
        "wasm, KB gzipped".to_owned(),
        sizes.wasm_gzipped as f64 / 1e3,
        MOST_GZIPPED_KB,
    ));
    if let (Some(ours), Some(bare)) = (starts.get(OURS), starts.get(BARE)) {
        checks.push(at_most(
            format!("start of workerd to the first answer / {BARE}'s (medians)"),
            median(ours.clone()) / median(bare.clone()),
            MOST_START,
        ));
    }
    checks
}

/// Microseconds of workerd's processor time a request.
fn micros(row: &Figures) -> f64 {
    row.service_cpu().unwrap_or(f64::NAN)
}
