//! `shared` decides and does nothing else: none of the crates that could make it do something may be among its dependencies.

use stack::fault::{Done, Fault};
use stack::run;

const STEP: &str = "purity of shared";
/// Runtimes, I/O, logging, randomness, JavaScript.
const FORBIDDEN: [&str; 14] = [
    "async-std",
    "axum",
    "getrandom",
    "hyper",
    "js-sys",
    "log",
    "mio",
    "rand",
    "reqwest",
    "sqlx",
    "tokio",
    "tracing",
    "wasm-bindgen",
    "worker",
];

pub fn check() -> Done {
    let mut cargo = run::cargo();
    cargo.args([
        "tree",
        "--package",
        "crossfade-shared",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let tree = run::output(&mut cargo).ok_or_else(|| Fault::new(STEP, "`cargo tree` does not work"))?;
    let mut found: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| FORBIDDEN.contains(name))
        .collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        Ok(())
    } else {
        Err(
            Fault::new(STEP, format!("shared depends on {}", found.join(", ")))
                .hint("hand the capability in as an argument or a trait"),
        )
    }
}
