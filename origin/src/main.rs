//! `origin`: see `origin --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    origin::cli::main()
}
