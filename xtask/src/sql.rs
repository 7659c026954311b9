//! `cargo xtask sql`: a look into the database, which comes without `psql`.

use std::fs;
use std::process::Command;

use crate::fault::{Done, Fault};
use crate::{dev, paths, run};

/// Options of `cargo xtask sql`.
#[derive(clap::Args)]
pub struct Options {
    /// One statement.
    statement: String,
}

/// Runs the statement and prints a line of JSON for each row.
pub fn run(options: &Options) -> Done {
    const STEP: &str = "sql";
    let url = std::env::var("DATABASE_URL")
        .ok()
        .or_else(running)
        .ok_or_else(|| {
            Fault::new(STEP, "no database")
                .hint("start `cargo xtask dev` in another terminal, or set DATABASE_URL")
        })?;
    run::shown(
        STEP,
        Command::new(paths::debug_binary("sql"))
            .arg(&options.statement)
            .env("DATABASE_URL", url),
    )
}

fn running() -> Option<String> {
    let text = fs::read_to_string(paths::working(dev::RUNNING)).ok()?;
    let running: serde_json::Value = serde_json::from_str(&text).ok()?;
    running.get("database")?.as_str().map(str::to_owned)
}
