//! `cargo xtask bench rehearse`: how long `cargo xtask rollout rehearse` takes for a day's request lines. What is timed is the program
//! that runs now: the one that operators have.

use std::fs;
use std::process::Command;
use std::time::Instant;

use stack::fault::{Done, Fault, In as _};
use stack::{console, paths, run};

use crate::target::{self, at_most, median};

const STEP: &str = "bench rehearse";
/// A million lines, in seconds.
const TARGET: f64 = 10.0;

/// Options of `cargo xtask bench rehearse`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many lines the log has.
    #[arg(long, default_value_t = 1_000_000)]
    lines: u32,
    /// How often it is rehearsed.
    #[arg(long, default_value_t = 3)]
    turns: u32,
}

/// Writes a log, rehearses it, and prints how long that took.
pub fn run(options: &Options) -> Done {
    let log = paths::working("bench-rehearse.log");
    let sign_ins = console::step(&format!("{} request lines", options.lines), || {
        let example = [
            "run",
            "--quiet",
            "-p",
            "crossfade-bench",
            "--example",
            "request_lines",
        ];
        let mut write = run::cargo();
        write
            .args(example)
            .arg("--")
            .arg(options.lines.to_string())
            .arg(&log);
        printed(&mut write)
    })?;
    // Compiled as this program is, by the command that started it.
    let program = std::env::current_exe().in_step(STEP)?.with_file_name("xtask");
    let mut seconds = Vec::new();
    for turn in 1..=options.turns {
        console::step(&format!("turn {turn}"), || {
            let mut rehearse = Command::new(&program);
            rehearse.args(["rollout", "rehearse", "--percent", "50", "--env", "development"]);
            let began = Instant::now();
            let said = printed(rehearse.arg(&log))?;
            seconds.push(began.elapsed().as_secs_f64());
            // All of them, and not another log.
            if said.split(' ').next() == Some(sign_ins.trim()) {
                Ok(())
            } else {
                Err(Fault::new(
                    STEP,
                    format!("{} sign-ins were written: {said}", sign_ins.trim()),
                ))
            }
        })?;
    }
    let bytes = fs::metadata(&log).in_step(STEP)?.len();
    fs::remove_file(&log).in_step(STEP)?;
    let worst = seconds.iter().copied().fold(0.0, f64::max);
    let middle = median(seconds);
    println!(
        "\n{} lines ({} MB), {} sign-ins and registrations, optimised build: {}\n",
        options.lines,
        bytes / 1_000_000,
        sign_ins.trim(),
        if cfg!(debug_assertions) { "no" } else { "yes" }
    );
    println!(
        "  median {middle:.2} s, {:.0} lines a second",
        f64::from(options.lines) / middle
    );
    target::print(&[at_most("worst turn, seconds".to_owned(), worst, TARGET)]);
    Ok(())
}

fn printed(command: &mut Command) -> Done<String> {
    let output = command.output().in_step(STEP)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Fault::new(
            STEP,
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
    }
}
