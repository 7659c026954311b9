//! `cargo xtask api-check`: thousands of requests made up from the origin's own document, each answer compared with what it promises.

use std::fs;
use std::process::Command;

use stack::fault::{Done, In as _};
use stack::tools::schemathesis;
use stack::{OriginAlone, paths, run};

/// What is checked of every answer. <https://schemathesis.readthedocs.io/en/stable/reference/checks/>
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                      response_headers_conformance,missing_required_header,ignored_auth,unsupported_method,allow_header_conformance";

const STEP: &str = "api-check";

/// Options of `cargo xtask api-check`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Seconds to go on making up requests.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(10..=3600))]
    seconds: u32,
    /// Where the generator starts; the same seed makes up the same requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Brings up the origin with PostgreSQL and the Auth emulator, and fails on any 5xx and any answer that is not documented.
pub fn run(options: &Options) -> Done {
    let _stop = stack::stop_signal()?;
    let program = schemathesis::ensure()?;
    let stack = OriginAlone::up()?;
    let seconds = options.seconds;
    println!("\nRequests for {seconds} s at most:\n");
    // schemathesis leaves its own files in the folder it runs in.
    let folder = paths::working("api-check");
    let hooks = paths::root().join("xtask/src/api_check");
    fs::create_dir_all(&folder).in_step(STEP)?;
    let mut command = Command::new(program);
    command
        .arg("run")
        .arg(format!("{}/openapi.json", stack.origin))
        .args(["--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--max-time", &seconds.to_string()])
        .args(["--max-examples", "30"])
        .args(["--seed", &options.seed.to_string()])
        .args(["--continue-on-failure", "--no-color"])
        .current_dir(&folder)
        .env("PYTHONPATH", hooks)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("API_CHECK_ORIGIN", &stack.origin)
        .env("API_CHECK_EMULATOR", &stack.emulator)
        .env("API_CHECK_SERVICE_KEY", &stack.service_key);
    run::shown(STEP, &mut command)?;
    println!("\nEvery answer was one that the document promises.");
    Ok(())
}
