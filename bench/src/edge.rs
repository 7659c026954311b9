//! `cargo xtask bench edge`: our Worker beside its peers, in one workerd, in turns.

mod cases;
mod report;
mod start;
mod workers;

use std::fs;
use std::path::PathBuf;

use cases::{BESIDE, CASES, Case, OURS};
use stack::fault::{Done, Fault, In as _};
use stack::tools::{npm, wasm_target};
use stack::{build_edge, console};
use workers::Workers;

use crate::figures::{self, Figures};
use crate::upstream;

const STEP: &str = "bench edge";

/// Options of `cargo xtask bench edge`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Tokens that no Worker has seen before.
    #[arg(long, default_value_t = 20_000)]
    cold: usize,
    /// Tokens that are sent again and again.
    #[arg(long, default_value_t = 200)]
    warm: usize,
    /// Connections at once.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Turns that each Worker gets.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Another checkout's `edge` folder, built; measured beside this one.
    #[arg(long, value_name = "FOLDER")]
    beside: Option<PathBuf>,
    /// Only rows whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Writes the figures there as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Options {
    /// Requests of each row in each turn.
    fn a_turn(&self) -> usize {
        self.cold.div_ceil(self.turns.max(1))
    }

    /// The rows, and their names.
    fn cases(&self) -> Vec<(Case, String)> {
        CASES
            .iter()
            .filter(|case| self.only.as_ref().is_none_or(|part| case.name.contains(part)))
            .flat_map(|case| {
                let other = Case {
                    worker: BESIDE,
                    ..*case
                };
                let has_other = self.beside.is_some() && case.worker == OURS;
                let other = has_other.then(|| (other, figures::beside(case.name)));
                std::iter::once((*case, case.name.to_owned())).chain(other)
            })
            .collect()
    }
}

/// Builds the Worker, starts all of them, sends the load in turns and prints the table.
pub fn run(options: &Options) -> Done {
    console::step("npm tools", npm::ensure)?;
    console::step("wasm32 target", wasm_target::ensure)?;
    console::step(build_edge::STEP, || {
        build_edge::build(build_edge::Profile::Release)
    })?;
    let load_before = fs::read_to_string("/proc/loadavg").in_step(STEP)?;
    let load_before = load_before.split(' ').next().unwrap_or_default().to_owned();
    let upstream = upstream::start().in_step(STEP)?;
    let mut workers = None;
    console::step("make tokens, start the Workers", || {
        workers = Some(Workers::start(&format!("http://{upstream}"), options)?);
        Ok(())
    })?;
    let workers = workers.ok_or_else(|| Fault::new(STEP, "the Workers did not start"))?;
    let cases = options.cases();
    let mut rows: Vec<Figures> = cases.iter().map(|(_, name)| Figures::new(name)).collect();
    for turn in 0..=options.turns {
        // The first turn compiles, fetches keys and fills connections; it is not counted.
        console::step(&format!("turn {turn} of {}", options.turns), || {
            for ((case, _), row) in cases.iter().zip(&mut rows) {
                let measured = workers.measure(case, turn, options)?;
                if turn > 0 {
                    row.add(measured);
                }
            }
            Ok(())
        })?;
    }
    drop(workers);
    let starts = start::measure()?;
    report::print(&rows, options, build_edge::sizes()?, &starts, &load_before)
}
