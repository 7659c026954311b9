//! `cargo xtask check`: everything about the sources that does not need them to run.

mod deploy;
mod direction;
pub mod documents;
mod manifests;
mod purity;

use std::fs;
use std::process::Command;

use stack::fault::{Done, Fault, In as _};
use stack::tools::cargo_tools::Tool;
use stack::tools::{npm, wasm_target};
use stack::{build_page, console, paths, run};

/// Options of `cargo xtask check`.
#[derive(clap::Args)]
pub struct Options {}

/// Runs all checks and reports all that failed, not only the first.
pub fn run(_: &Options, commands: &clap::Command) -> Done {
    console::step("npm tools", npm::ensure)?;
    console::step("wasm32 target", wasm_target::ensure)?;
    let deny = Tool::cargo_deny().ensure()?;
    let wasm = [
        "--target",
        "wasm32-unknown-unknown",
        "--package",
        "crossfade-edge",
        "--package",
        "crossfade-shared",
    ];
    let results = [
        console::step("formatting", || {
            cargo("formatting", "fmt", &["fmt", "--all", "--check"])
        }),
        console::step("lints, natively", || {
            clippy("lints, natively", "clippy", &["--workspace", "--all-targets"])
        }),
        console::step("lints, for wasm", || {
            clippy("lints, for wasm", "clippy-wasm", &wasm)
        }),
        console::step("every crate takes the workspace's lints", manifests::check),
        console::step("direction of imports", direction::check),
        console::step("purity of shared", purity::check),
        console::step("links and commands of the documents", || {
            documents::check(commands)
        }),
        console::step("every environment of wrangler.toml", || {
            cargo(
                "wrangler.toml",
                "wrangler-vars",
                &[
                    "test",
                    "--quiet",
                    "--package",
                    "crossfade-edge",
                    "--test",
                    "wrangler_vars",
                ],
            )
        }),
        console::step("docs/api/openapi.json is what the code says", || {
            cargo(
                "docs/api/openapi.json",
                "openapi",
                &[
                    "test",
                    "--quiet",
                    "--package",
                    "crossfade-origin",
                    "--lib",
                    "http::document",
                ],
            )
        }),
        // Advisories need a database from the network; a pipeline that has one adds `advisories`.
        console::step("licences, bans, sources", || {
            const STEP: &str = "licences, bans, sources";
            // It reads the crates of every platform; a build has fetched those of this one.
            run::logged(STEP, "cargo-fetch", run::cargo().args(["fetch", "--locked"]))?;
            run::logged(
                STEP,
                "cargo-deny",
                Command::new(deny.join("cargo-deny"))
                    .args(["--offline", "check", "licenses", "bans", "sources"])
                    .current_dir(paths::root()),
            )
        }),
        console::step("migrations are safe under load", squawk),
        console::step("types of the page", build_page::check),
        console::step(
            "compose file, provisioning and pipeline",
            deploy::compose_and_pipeline,
        ),
        console::step("docker compose config", deploy::compose_by_docker).map(drop),
        console::step("systemd unit", deploy::unit).map(drop),
        console::step("alerts", deploy::alerts).map(drop),
        console::step("wrangler.toml, by wrangler", deploy::wrangler),
        console::step("every environment, as far as a deployment goes", deploy::dry_run),
    ];
    let faults: Vec<Fault> = results.into_iter().filter_map(Result::err).collect();
    let count = faults.len();
    for fault in &faults {
        console::fault(fault);
    }
    if count == 0 {
        Ok(())
    } else {
        Err(Fault::new("check", format!("{count} checks failed, see above")))
    }
}

fn cargo(step: &str, log: &str, words: &[&str]) -> Done {
    run::logged(step, &format!("check-{log}"), run::cargo().args(words))
}

fn clippy(step: &str, log: &str, words: &[&str]) -> Done {
    cargo(
        step,
        log,
        &[&["clippy", "--quiet"], words, &["--", "--deny", "warnings"]].concat(),
    )
}

fn squawk() -> Done {
    const STEP: &str = "migrations are safe under load";
    let mut files: Vec<_> = fs::read_dir(paths::root().join("migrations"))
        .in_step(STEP)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".up.sql") || name.ends_with(".down.sql")
        })
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Fault::new(STEP, "there are no migrations"));
    }
    run::logged(
        STEP,
        "squawk",
        Command::new(paths::npm_bin("squawk"))
            .args(files)
            .current_dir(paths::root()),
    )
}
