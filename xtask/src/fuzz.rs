//! `cargo xtask fuzz`: the cargo-fuzz targets for a bounded time.

use std::process::Command;

use stack::fault::{Done, Fault};
use stack::tools::cargo_tools::Tool;
use stack::{console, paths, run};

const TARGETS: [&str; 5] = ["verify", "parse", "key_set", "assertion", "target"];

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub struct Options {
    /// One of verify, parse, key_set, assertion, target; all of them when left out
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Runs the targets one after the other; fails at the first input that breaks one.
pub fn run(options: &Options) -> Done {
    let targets: Vec<&str> = match options.target.as_deref() {
        None => TARGETS.to_vec(),
        Some(target) if TARGETS.contains(&target) => vec![target],
        Some(target) => return Err(Fault::new("fuzz", format!("there is no target {target}"))),
    };
    let cargo_fuzz = Tool::cargo_fuzz().ensure()?.join("cargo-fuzz");
    for target in targets {
        console::step(&format!("fuzz {target} for {} s", options.seconds), || {
            let mut command = Command::new(&cargo_fuzz);
            // Sanitizers need a nightly compiler, whatever the workspace is pinned to.
            command
                .args(["fuzz", "run", target, "--"])
                .arg(format!("-max_total_time={}", options.seconds))
                .args(["-max_len=9000", "-timeout=1", "-print_final_stats=1"])
                .env("RUSTUP_TOOLCHAIN", "nightly")
                .env_remove("CARGO")
                .env_remove("RUSTC")
                .current_dir(paths::root());
            run::logged("fuzz", &format!("fuzz-{target}"), &mut command)
                .map_err(|fault| fault.hint("`rustup toolchain install nightly`, if it is missing"))
        })?;
    }
    Ok(())
}
