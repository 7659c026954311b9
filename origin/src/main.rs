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
    // No caller waits for the work that still runs on its own threads (a password check, a name look-up), and it must not delay the end of
    // the process.
    runtime.shutdown_background();
    code
}
