//! `cargo xtask sql`: a look into the database, which comes without `psql`.

use std::process::Command;

use stack::fault::{Done, Fault};
use stack::running::{self, What};
use stack::{paths, run};

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
        .or_else(|| running::find(What::Database))
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
