//! `cargo xtask drill`.

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(
    bin_name = "cargo xtask drill",
    about = "Rehearse what operators do, with things failing meanwhile"
)]
struct Cli {
    #[command(subcommand)]
    drill: drills::Options,
}

fn main() -> ExitCode {
    stack::program(|| drills::run(&Cli::parse().drill))
}
