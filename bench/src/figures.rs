//! What a turn measured, and what several come to.

use std::time::Duration;

use crate::target::{Check, at_least, median, median_ratio};

/// One turn of one row.
#[derive(Default)]
pub struct Measured {
    /// Requests or transactions that were answered.
    pub requests: usize,
    /// Those of them that were answered with anything but success.
    pub failed: usize,
    /// From the first request to the last answer.
    pub took: Duration,
    /// Processor time of the service; nothing for pgbench.
    pub service_cpu: Option<Duration>,
    /// Processor time of PostgreSQL, where there is one.
    pub database_cpu: Duration,
    /// How long each request took, or a sample of them.
    pub latencies: Vec<Duration>,
}

impl Measured {
    /// Microseconds of the service's processor time a request.
    pub fn cpu_us(&self) -> Option<f64> {
        Some(self.service_cpu?.as_secs_f64() * 1e6 / self.requests.max(1) as f64)
    }
}

/// The turns of one row.
pub struct Figures {
    pub name: String,
    turns: Vec<Measured>,
}

impl Figures {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            turns: Vec::new(),
        }
    }

    pub fn add(&mut self, turn: Measured) {
        self.turns.push(turn);
    }

    /// The ratio of the requests a second, ours to theirs: the median turn by turn.
    pub fn ratio(&self, theirs: &Self) -> f64 {
        median_ratio(&self.rates(), &theirs.rates())
    }

    /// Requests per second of each turn.
    pub fn rates(&self) -> Vec<f64> {
        self.turns
            .iter()
            .map(|turn| turn.requests as f64 / turn.took.as_secs_f64())
            .collect()
    }

    pub fn requests(&self) -> usize {
        self.turns.iter().map(|turn| turn.requests).sum()
    }

    pub fn failed(&self) -> usize {
        self.turns.iter().map(|turn| turn.failed).sum()
    }

    /// Microseconds of the service's processor time a request.
    pub fn service_cpu(&self) -> Option<f64> {
        let all: Option<Duration> = self.turns.iter().map(|turn| turn.service_cpu).sum();
        all.map(|cpu| cpu.as_secs_f64() * 1e6 / self.requests().max(1) as f64)
    }

    /// The same turn by turn.
    pub fn costs(&self) -> Vec<f64> {
        self.turns
            .iter()
            .map(|turn| turn.cpu_us().unwrap_or(f64::NAN))
            .collect()
    }

    /// Microseconds of PostgreSQL's processor time a request.
    pub fn database_cpu(&self) -> f64 {
        let all: Duration = self.turns.iter().map(|turn| turn.database_cpu).sum();
        all.as_secs_f64() * 1e6 / self.requests().max(1) as f64
    }

    /// The latency that `percent` of the requests of a turn stay under, in microseconds: the median of the turns, since a turn in
    /// which the machine did something else would decide a percentile of all together.
    pub fn percentile(&self, percent: usize) -> f64 {
        median(self.percentiles(percent))
    }

    /// The same turn by turn.
    pub fn percentiles(&self, percent: usize) -> Vec<f64> {
        let turns = self.turns.iter().map(|turn| {
            let mut sorted = turn.latencies.clone();
            sorted.sort_unstable();
            let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
            sorted.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
        });
        turns.collect()
    }
}

/// The name of a row of ours for the other build that is measured beside it.
pub fn beside(name: &str) -> String {
    format!("beside: {name}")
}

/// What the ratios of two rows come to: each of `targets` (ours, theirs, the least wanted), and each row beside the other build's.
pub fn ratios(rows: &[Figures], targets: &[(&str, &str, f64)]) -> Vec<Check> {
    let find = |name: &str| rows.iter().find(|row| row.name == name);
    let ratio = |ours: &Figures, theirs: &Figures, least: f64| {
        at_least(
            format!("{} / {}", ours.name, theirs.name),
            ours.ratio(theirs),
            least,
        )
    };
    let wanted = targets
        .iter()
        .filter_map(|(ours, theirs, least)| Some(ratio(find(ours)?, find(theirs)?, *least)));
    let before = rows
        .iter()
        .filter_map(|row| Some(ratio(row, find(&beside(&row.name))?, 1.0)));
    wanted.chain(before).collect()
}
