//! The origin with a clock that runs `AHEAD_SECONDS` ahead, for drills of processes that take days. The deployed program has no variable
//! for that.

use std::process::ExitCode;

fn main() -> ExitCode {
    let ahead = std::env::var("AHEAD_SECONDS").unwrap_or_default();
    let Ok(seconds) = ahead.parse() else {
        eprintln!("AHEAD_SECONDS is no number: {ahead:?}");
        return ExitCode::FAILURE;
    };
    origin::clock::run_ahead(seconds);
    origin::cli::main()
}
