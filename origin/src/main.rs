//! `origin`: see `origin --help`.

use std::process::ExitCode;

use origin::cli::Cli;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(cli.run());
    // What still runs on a thread of its own (a password check, a look-up of a name) has nobody left who waits for it, and must not
    // decide when the process ends.
    runtime.shutdown_background();
    code
}
