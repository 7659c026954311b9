//! `origin`: see `origin --help`.

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    origin::cli::Cli::parse().run().await
}
