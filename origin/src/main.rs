//! `origin`: see `origin --help`.

use std::process::ExitCode;

use origin::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::read() {
        Ok(cli) => cli.run().await,
        Err(code) => code,
    }
}
