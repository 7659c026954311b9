//! `cargo xtask bench edge`: our Worker beside its peers, in one workerd, in turns.

mod start;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Serialize;

use super::{cpu, load, upstream};
use crate::fault::{Done, Fault, In as _};
use crate::tools::{npm, wasm_target};
use crate::{build_edge, console, paths};

const STEP: &str = "bench edge";
const OURS: &str = "crossfade";
const PASS_THROUGH: &str = "pass-through";
const FIREBASE: &str = "firebase-auth-cloudflare-workers";
const JOSE: &str = "jose";

/// Options of `cargo xtask bench edge`.
#[derive(clap::Args)]
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
    /// Writes the figures there as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// One line of the table.
struct Case {
    worker: &'static str,
    name: &'static str,
    path: &'static str,
    tokens: Tokens,
}

#[derive(Clone, Copy, PartialEq)]
enum Tokens {
    Cold,
    Warm,
    Legacy,
}

const CASES: [Case; 10] = [
    Case {
        worker: PASS_THROUGH,
        name: "pass-through, warm",
        path: "/v1/auth/me",
        tokens: Tokens::Warm,
    },
    Case {
        worker: OURS,
        name: "crossfade, warm",
        path: "/v1/auth/me",
        tokens: Tokens::Warm,
    },
    Case {
        worker: FIREBASE,
        name: "firebase-auth-cloudflare-workers, warm",
        path: "/v1/auth/me",
        tokens: Tokens::Warm,
    },
    Case {
        worker: JOSE,
        name: "jose, warm",
        path: "/v1/auth/me",
        tokens: Tokens::Warm,
    },
    Case {
        worker: OURS,
        name: "crossfade to legacy, warm",
        path: "/auth/profile",
        tokens: Tokens::Legacy,
    },
    Case {
        worker: OURS,
        name: "crossfade to an app service, warm",
        path: "/api/archive/jobs",
        tokens: Tokens::Warm,
    },
    Case {
        worker: PASS_THROUGH,
        name: "pass-through, cold",
        path: "/v1/auth/me",
        tokens: Tokens::Cold,
    },
    Case {
        worker: OURS,
        name: "crossfade, cold",
        path: "/v1/auth/me",
        tokens: Tokens::Cold,
    },
    Case {
        worker: FIREBASE,
        name: "firebase-auth-cloudflare-workers, cold",
        path: "/v1/auth/me",
        tokens: Tokens::Cold,
    },
    Case {
        worker: JOSE,
        name: "jose, cold",
        path: "/v1/auth/me",
        tokens: Tokens::Cold,
    },
];

/// What a target compares, and the least it asks for.
const TARGETS: [(&str, &str, f64); 6] = [
    ("crossfade, warm", "firebase-auth-cloudflare-workers, warm", 1.3),
    ("crossfade, warm", "pass-through, warm", 0.85),
    ("crossfade, cold", "firebase-auth-cloudflare-workers, cold", 1.05),
    ("crossfade, cold", "jose, cold", 0.95),
    ("crossfade to legacy, warm", "pass-through, warm", 0.85),
    ("crossfade to an app service, warm", "pass-through, warm", 0.85),
];

#[derive(Default)]
struct Figures {
    requests: usize,
    failed: usize,
    took: Duration,
    cpu: Duration,
    latencies: Vec<Duration>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    requests: usize,
    failed: usize,
    per_second: f64,
    p50_us: u128,
    p99_us: u128,
    cpu_us: f64,
}

/// Builds the Worker, starts all of them, sends the load in turns and prints the table.
pub fn run(options: &Options) -> Done {
    console::step("npm tools", npm::ensure)?;
    console::step("wasm32 target", wasm_target::ensure)?;
    console::step(build_edge::STEP, build_edge::build)?;
    let upstream = upstream::start().in_step(STEP)?;
    let mut workers = None;
    console::step("make tokens, start the Workers", || {
        workers = Some(Workers::start(&format!("http://{upstream}"), options)?);
        Ok(())
    })?;
    let workers = workers.ok_or_else(|| Fault::new(STEP, "the Workers did not start"))?;
    let mut figures: BTreeMap<&str, Figures> = BTreeMap::new();
    for turn in 0..=options.turns {
        // The first turn compiles, fetches keys and fills connections; it is not counted.
        console::step(&format!("turn {turn} of {}", options.turns), || {
            for case in &CASES {
                let measured = workers.measure(case, turn, options)?;
                if turn > 0 {
                    figures.entry(case.name).or_default().add(measured);
                }
            }
            Ok(())
        })?;
    }
    let rows: Vec<Row> = CASES
        .iter()
        .filter_map(|case| figures.remove(case.name).map(|figures| figures.row(case.name)))
        .collect();
    print(&rows);
    start::print(&start::measure()?);
    if let Some(path) = &options.json {
        let document = serde_json::to_vec_pretty(&rows).in_step(STEP)?;
        fs::write(path, document).in_step(STEP)?;
    }
    match rows.iter().find(|row| row.failed > 0) {
        Some(row) => Err(Fault::new(
            STEP,
            format!("{}: {} answers were not 200", row.name, row.failed),
        )),
        None => Ok(()),
    }
}

/// The running Workers. They end when their standard input closes, however this program ends.
struct Workers {
    child: Child,
    workerd: u32,
    addresses: BTreeMap<String, String>,
    tokens: Vec<String>,
}

impl Workers {
    fn start(upstream: &str, options: &Options) -> Done<Self> {
        let tokens_file = paths::working("bench-tokens");
        fs::create_dir_all(paths::working("")).in_step(STEP)?;
        let mut child = Command::new("node")
            .arg(paths::root().join("bench/edge/serve.mjs"))
            .arg(paths::root())
            .arg(upstream)
            // The uncounted first turn needs unseen tokens too.
            .arg((options.cold + options.cold.div_ceil(options.turns.max(1))).to_string())
            .arg(options.warm.to_string())
            .arg(&tokens_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .in_step(STEP)?;
        let stdout = child.stdout.take().ok_or("no output").in_step(STEP)?;
        let line = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find(|line| line.starts_with('{'))
            .ok_or_else(|| Fault::new(STEP, "serve.mjs ended before it was ready"))?;
        let addresses: BTreeMap<String, String> = serde_json::from_str(&line).in_step(STEP)?;
        let workerd = cpu::workerd_under(child.id())
            .ok_or("workerd is not to be found")
            .in_step(STEP)?;
        let tokens = fs::read_to_string(&tokens_file).in_step(STEP)?;
        let _ = fs::remove_file(&tokens_file);
        Ok(Self {
            child,
            workerd,
            addresses,
            tokens: tokens.lines().map(str::to_owned).collect(),
        })
    }

    fn measure(&self, case: &Case, turn: usize, options: &Options) -> Done<Figures> {
        let address = self
            .addresses
            .get(case.worker)
            .map(|url| url.trim_start_matches("http://").trim_end_matches('/'))
            .ok_or_else(|| Fault::new(STEP, format!("{} has no address", case.worker)))?;
        let a_turn = options.cold.div_ceil(options.turns.max(1));
        let legacy_from = self.tokens.len().saturating_sub(options.warm);
        let range = match case.tokens {
            Tokens::Cold => turn * a_turn..((turn + 1) * a_turn).min(legacy_from),
            Tokens::Warm => 0..options.warm.min(legacy_from),
            Tokens::Legacy => legacy_from..self.tokens.len(),
        };
        let tokens = self.tokens.get(range).unwrap_or_default();
        let plan = load::Plan {
            address,
            path: case.path,
            tokens,
            connections: options.connections,
            requests: if case.tokens == Tokens::Cold {
                tokens.len()
            } else {
                a_turn
            },
        };
        let before = cpu::used(self.workerd);
        let outcome = load::send(&plan).in_step(STEP)?;
        Ok(Figures {
            requests: outcome.latencies.len(),
            failed: outcome.failed,
            took: outcome.took,
            cpu: cpu::used(self.workerd).saturating_sub(before),
            latencies: outcome.latencies,
        })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Figures {
    fn add(&mut self, more: Self) {
        self.requests += more.requests;
        self.failed += more.failed;
        self.took += more.took;
        self.cpu += more.cpu;
        self.latencies.extend(more.latencies);
    }

    fn row(mut self, name: &'static str) -> Row {
        self.latencies.sort_unstable();
        let count = self.latencies.len();
        let percentile = |percent: usize| {
            let at = (count * percent / 100).min(count.saturating_sub(1));
            self.latencies.get(at).map_or(0, Duration::as_micros)
        };
        Row {
            name,
            requests: self.requests,
            failed: self.failed,
            per_second: self.requests as f64 / self.took.as_secs_f64(),
            p50_us: percentile(50),
            p99_us: percentile(99),
            cpu_us: self.cpu.as_secs_f64() * 1e6 / self.requests.max(1) as f64,
        }
    }
}

fn print(rows: &[Row]) {
    println!(
        "\n{:<42} {:>9} {:>9} {:>8} {:>8} {:>10}",
        "worker, tokens", "requests", "req/s", "p50 µs", "p99 µs", "CPU µs/req"
    );
    for row in rows {
        println!(
            "{:<42} {:>9} {:>9.0} {:>8} {:>8} {:>10.0}",
            row.name, row.requests, row.per_second, row.p50_us, row.p99_us, row.cpu_us
        );
    }
    println!();
    let rate = |name: &str| {
        rows.iter()
            .find(|row| row.name == name)
            .map_or(0.0, |row| row.per_second)
    };
    for (ours, theirs, least) in TARGETS {
        let ratio = rate(ours) / rate(theirs);
        let verdict = if ratio >= least { "met" } else { "missed" };
        println!("{ours} / {theirs}: {ratio:.2} (target {least}: {verdict})");
    }
}
