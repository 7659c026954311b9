//! What is printed: a line when a step starts, a sign of life while it runs, its time when it ends.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::fault::{Done, Fault};

const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
const TAIL_LINES: usize = 25;

/// Runs `work` as the step `name`. Whatever it returns as text is appended to the line that says it is done.
pub fn step<T: StepResult>(name: &str, work: impl FnOnce() -> Done<T>) -> Done<T> {
    let started = Instant::now();
    println!("  … {name}");
    let (finished, waiting) = mpsc::channel::<()>();
    let title = name.to_owned();
    let alive = thread::spawn(move || {
        while waiting.recv_timeout(SIGN_OF_LIFE) == Err(mpsc::RecvTimeoutError::Timeout) {
            println!("  … {title}, {:.0} s so far", started.elapsed().as_secs_f32());
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
        let lines: Vec<&str> = text.lines().collect();
        eprintln!("  the end of {}:", log.display());
        for line in lines.iter().skip(lines.len().saturating_sub(TAIL_LINES)) {
            eprintln!("  │ {line}");
        }
    }
    if let Some(hint) = &fault.hint {
        eprintln!("  → {hint}");
    }
}
