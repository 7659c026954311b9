//! `cargo xtask bench edge`: our Worker beside its peers, in one workerd, in turns.

mod cases;
mod paired;
mod report;
mod start;
mod workers;

use std::fs;
use std::path::PathBuf;

use cases::{BESIDE, Case, FRESH, OURS, SETTLED, Tokens, UNMEASURED};
use stack::fault::{Done, Fault, In as _};
use stack::{build_edge, console};
use workers::Workers;

use crate::figures::{self, Figures};
use crate::output::Output;
use crate::upstream;

const STEP: &str = "bench edge";

/// Options of `cargo xtask bench edge`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Requests of each row in each turn, once the isolates have settled. Cold rows send so many new tokens.
    #[arg(long, default_value_t = 3_000)]
    requests: usize,
    /// Requests that each Worker answers before it counts as settled.
    #[arg(long, default_value_t = 20_000)]
    settle: usize,
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
    /// Compare only these two settled rows, in short slices by turns: how much more CPU the second costs, and how exact that is.
    #[arg(long, num_args = 2, value_names = ["ROW", "ROW"], conflicts_with_all = ["only", "json"])]
    pair: Option<Vec<String>>,
    /// Slices of each row of a pair; each has `--requests` requests.
    #[arg(long, default_value_t = 100, requires = "pair")]
    slices: usize,
    /// Only rows whose name contains this.
    #[arg(long)]
    only: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Requests that are measured of a fresh isolate.
const FIRST: usize = 2_000;
/// Requests of each Worker at once while they settle.
const SETTLE_STEP: usize = 5_000;

/// One table: what is asked, and the figures of each row.
struct Table {
    cases: Vec<Case>,
    rows: Vec<Figures>,
}

impl Table {
    /// The rows that the options want. The two ends of a turn are always there: all others are compared with them.
    fn of(cases: &[Case], options: &Options) -> Self {
        let is_wanted = |case: &&Case| {
            let only = options.only.as_ref();
            cases::is_end(case) || only.is_none_or(|part| case.name.contains(part))
        };
        let (cases, rows) = cases
            .iter()
            .filter(is_wanted)
            .flat_map(|case| {
                let other = Case {
                    worker: BESIDE,
                    ..*case
                };
                let has_other = options.beside.is_some() && case.worker == OURS;
                let other = has_other.then(|| (other, Figures::new(&figures::beside(case.name))));
                std::iter::once((*case, Figures::new(case.name))).chain(other)
            })
            .unzip();
        Self { cases, rows }
    }

    /// Gives every row its turn; `counts` says whether the figures are kept.
    fn turn(
        &mut self,
        workers: &Workers,
        turn: usize,
        requests: usize,
        counts: bool,
        options: &Options,
    ) -> Done {
        for (case, row) in self.cases.iter().zip(&mut self.rows) {
            let measured = workers.measure(case, turn, requests, options)?;
            if counts {
                row.add(measured);
            }
        }
        Ok(())
    }

    /// Lets every Worker answer as many requests as the options say.
    fn settle(&self, workers: &Workers, options: &Options) -> Done {
        let mut settled: Vec<&str> = Vec::new();
        for case in self.cases.iter().filter(|case| case.tokens == Tokens::Warm) {
            if !settled.contains(&case.worker) {
                settled.push(case.worker);
                let mut left = options.settle;
                while left > 0 {
                    let requests = left.min(SETTLE_STEP);
                    workers.measure(case, 0, requests, options)?;
                    left -= requests;
                }
            }
        }
        Ok(())
    }
}

/// Builds the Worker, starts all of them, sends the load in turns and prints the tables.
pub fn run(options: &Options) -> Done {
    crate::build_worker()?;
    let load_before = fs::read_to_string("/proc/loadavg").in_step(STEP)?;
    let load_before = load_before.split(' ').next().unwrap_or_default().to_owned();
    let upstream = format!("http://{}", upstream::start().in_step(STEP)?);
    if let Some(names) = &options.pair {
        return paired::run(&upstream, names, options);
    }
    let mut fresh = Table::of(&FRESH, options);
    for turn in 1..=options.turns {
        console::step(
            &format!("fresh isolates, turn {turn} of {}", options.turns),
            || {
                let workers = Workers::start(&upstream, options, 0)?;
                workers.measure(&UNMEASURED, 0, FIRST, options)?;
                fresh.turn(&workers, turn, FIRST, true, options)
            },
        )?;
    }
    let mut settled = Table::of(&SETTLED, options);
    let mut workers = None;
    console::step("make tokens, start the Workers, let them settle", || {
        let started = Workers::start(&upstream, options, options.requests * (options.turns + 1))?;
        settled.settle(&started, options)?;
        workers = Some(started);
        Ok(())
    })?;
    let workers = workers.ok_or_else(|| Fault::new(STEP, "the Workers did not start"))?;
    for turn in 0..=options.turns {
        // The first turn settles what only some rows do, such as new tokens; it is not counted.
        console::step(&format!("settled, turn {turn} of {}", options.turns), || {
            settled.turn(&workers, turn, options.requests, turn > 0, options)
        })?;
    }
    drop(workers);
    let starts = start::measure()?;
    report::print(
        &fresh.rows,
        &settled.rows,
        options,
        build_edge::sizes()?,
        &starts,
        &load_before,
    )
}
