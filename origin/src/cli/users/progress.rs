//! The progress of a long command: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

const WIDTH: u64 = 30;
/// How often a line is written without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Shows progress on standard error: standard output is for the result.
#[derive(Debug)]
pub(super) struct ProgressBar {
    total: u64,
    began: Instant,
    terminal: bool,
    last_line: Option<Instant>,
}

impl ProgressBar {
    /// A bar with `total` steps.
    pub(super) fn new(total: u64) -> Self {
        Self {
            total,
            began: Instant::now(),
            terminal: std::io::stderr().is_terminal(),
            last_line: None,
        }
    }

    /// Shows how many are done, and how many of those failed.
    pub(super) fn show(&mut self, done: u64, failed: u64) {
        let text = line(done, self.total, failed, self.began.elapsed());
        if self.terminal {
            let bar = bar(done, self.total);
            let mut out = std::io::stderr();
            // The command goes on even if its progress cannot be shown.
            let _unseen = write!(out, "\r{bar} {text}\x1b[K").and_then(|()| out.flush());
        } else if done >= self.total || self.last_line.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
            self.last_line = Some(Instant::now());
            eprintln!("{text}");
        }
    }

    /// Writes `text` on a line of its own.
    pub(super) fn say(&mut self, text: &str) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
        eprintln!("{text}");
    }

    /// Leaves the bar's line.
    pub(super) fn finish(&mut self) {
        if self.terminal {
            eprintln!();
        }
    }
}

fn bar(done: u64, total: u64) -> String {
    let full = done
        .saturating_mul(WIDTH)
        .checked_div(total)
        .unwrap_or(WIDTH)
        .min(WIDTH);
    let cells = |count: u64, with: &str| with.repeat(usize::try_from(count).unwrap_or(0));
    format!("[{}{}]", cells(full, "#"), cells(WIDTH - full, "."))
}

/// `4000 of 10000 (40 %), 812 a second, 7 s left, 3 failed`.
fn line(done: u64, total: u64, failed: u64, took: Duration) -> String {
    let percent = done
        .saturating_mul(100)
        .checked_div(total)
        .unwrap_or(100)
        .min(100);
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let rate = done.saturating_mul(1000).checked_div(millis).unwrap_or(0);
    let left = total
        .saturating_sub(done)
        .saturating_mul(millis)
        .checked_div(done.saturating_mul(1000))
        .map_or_else(|| "?".to_owned(), |seconds| seconds.to_string());
    format!("{done} of {total} ({percent} %), {rate} a second, {left} s left, {failed} failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_time_is_estimated_from_the_progress() {
        assert_eq!(
            line(4000, 10_000, 3, Duration::from_secs(5)),
            "4000 of 10000 (40 %), 800 a second, 7 s left, 3 failed"
        );
        assert_eq!(
            line(0, 10, 0, Duration::ZERO),
            "0 of 10 (0 %), 0 a second, ? s left, 0 failed"
        );
        assert_eq!(bar(5, 10), "[###############...............]");
        assert_eq!(bar(0, 0), format!("[{}]", "#".repeat(30)));
    }
}
