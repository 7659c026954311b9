//! `cargo xtask bench`.

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(
    bin_name = "cargo xtask bench",
    about = "Measure against other projects' work"
)]
struct Cli {
    #[command(subcommand)]
    bench: bench::Options,
}

fn main() -> ExitCode {
    stack::program(|| bench::run(&Cli::parse().bench))
}
