//! Runs tests that were compiled to wasm, in Node; cargo calls it with the module's path.

use std::process::ExitCode;

fn main() -> ExitCode {
    match wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crossfade-wasm-test-runner: {error:#}");
            ExitCode::FAILURE
        }
    }
}
