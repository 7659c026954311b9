//! What is printed: a line when a step starts, a sign of life while it runs, its time when it ends.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::fault::{Done, Fault};
use crate::paths;

const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
const TAIL_LINES: usize = 25;

/// Runs `work` as the step `name`. What it returns as text is appended to the line that says it is done.
pub fn step<T: StepResult>(name: &str, work: impl FnOnce() -> Done<T>) -> Done<T> {
    watched(name, None, work)
}

/// As [`step`], for work that runs cargo with its output in the log `log`: a sign of life says how many crates are done.
pub fn compiling<T: StepResult>(name: &str, log: &str, work: impl FnOnce() -> Done<T>) -> Done<T> {
    watched(name, Some(paths::log(log)), work)
}

fn watched<T: StepResult>(name: &str, log: Option<PathBuf>, work: impl FnOnce() -> Done<T>) -> Done<T> {
    let started = Instant::now();
    println!("  … {name}");
    let (finished, waiting) = mpsc::channel::<()>();
    let title = name.to_owned();
    let alive = thread::spawn(move || {
        while waiting.recv_timeout(SIGN_OF_LIFE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let crates = log
                .as_ref()
                .and_then(|log| std::fs::read(log).ok())
                .and_then(|text| crates_done(&String::from_utf8_lossy(&text)).map(str::to_owned))
                .map(|crates| format!("{crates} crates, "))
                .unwrap_or_default();
            println!(
                "  … {title}, {crates}{:.0} s so far",
                started.elapsed().as_secs_f32()
            );
        }
    });
    let result = work();
    drop(finished);
    let _ = alive.join();
    let seconds = started.elapsed().as_secs_f32();
    match &result {
        Ok(value) => println!(
            "  ✔ {name}{}  ({seconds:.1} s)",
            value.note().map(|note| format!(": {note}")).unwrap_or_default()
        ),
        Err(_) => println!("  ✘ {name}  ({seconds:.1} s)"),
    }
    result
}

/// `done/all` of the newest progress bar in cargo's output: `Building [====>     ] 123/456: crate`.
fn crates_done(output: &str) -> Option<&str> {
    let (_, bar) = output.rsplit_once("Building [")?;
    let (_, rest) = bar.split_once(']')?;
    let (count, _) = rest.split_once(':')?;
    let count = count.trim();
    let is_count = count.contains('/') && count.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/');
    is_count.then_some(count)
}

/// What a finished step may say about its result.
pub trait StepResult {
    /// A few words, or nothing.
    fn note(&self) -> Option<String> {
        None
    }
}

impl StepResult for () {}

impl StepResult for String {
    fn note(&self) -> Option<String> {
        (!self.is_empty()).then(|| self.clone())
    }
}

/// Tells what failed, with the end of its log and what to try.
pub fn fault(fault: &Fault) {
    eprintln!("\n✘ {} failed: {}", fault.step, fault.reason);
    if let Some(log) = &fault.log {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        // Cargo draws its progress bar over and over, each time after a carriage return.
        let lines: Vec<&str> = text
            .lines()
            .map(|line| line.rsplit('\r').next().unwrap_or(line))
            .collect();
        eprintln!("  the end of {}:", log.display());
        for line in lines.iter().skip(lines.len().saturating_sub(TAIL_LINES)) {
            eprintln!("  │ {line}");
        }
    }
    if let Some(hint) = &fault.hint {
        eprintln!("  → {hint}");
    }
}

#[cfg(test)]
mod tests {
    use super::crates_done;

    #[test]
    fn newest_progress_bar_counts() {
        let output = "   Compiling serde v1\r    Building [==>    ] 12/340: serde\r    Building [====> ] 200/340: axum, sqlx";
        assert_eq!(crates_done(output), Some("200/340"));
    }

    #[test]
    fn output_without_a_bar_has_no_count() {
        for output in [
            "",
            "Compiling serde v1",
            "Building [=",
            "Building [=> ] soon: serde",
        ] {
            assert_eq!(crates_done(output), None, "{output}");
        }
    }
}
