//! `cargo xtask test`: every test there is, with everything they need brought up and taken down again.

use std::time::Instant;

use clap::ValueEnum;
use stack::fault::Done;
use stack::tools::{bindgen, npm, system, wasm_target};
use stack::{Issuer, console, run};

use crate::{browser, clients, conformance, documents, end_to_end};

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Options {
    /// Only this part.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Of an end-to-end part only the tests whose names contain this, and not the way through the stack.
    #[arg(long, requires = "only")]
    named: Option<String>,
}

/// The parts, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Unit, table and property tests on the host.
    Host,
    /// The unit tests of `shared` once more, in wasm.
    Wasm,
    /// The verifier against published vectors, natively and in the Workers runtime.
    Conformance,
    /// The stand-in legacy service against PostgreSQL: what the others are tested against.
    StandIn,
    /// The origin against PostgreSQL, a fresh database for each test.
    Origin,
    /// What services behind the edge use, alone and behind a real edge.
    Clients,
    /// The whole stack by URL: one user's way, then the suite, with the Auth emulator.
    EndToEnd,
    /// The same with signed tokens and a key server.
    EndToEndRs256,
    /// The commands in the documents, against the whole stack.
    Documents,
    /// The development page in headless Chromium, against the whole stack.
    Browser,
}

/// The crates whose tests need no database.
const HOST: [&str; 7] = [
    "--workspace",
    "--exclude",
    "crossfade-e2e",
    "--exclude",
    "crossfade-origin",
    "--exclude",
    "crossfade-testkit",
];

/// The origin's tests. Its conformance vectors are a part of their own.
const ORIGIN_TESTS: [&str; 8] = [
    "--lib",
    "--test=api",
    "--test=bulk",
    "--test=cli",
    "--test=firebase",
    "--test=ledger",
    "--test=schema",
    "--test=stress",
];

/// Runs the parts and says how long each took.
pub fn run(options: &Options) -> Done {
    let _stop = stack::stop_signal()?;
    let started = Instant::now();
    let mut times = Vec::new();
    let mut not_run = Vec::new();
    let missing = system::missing();
    for part in Part::value_variants() {
        if options.only.is_some_and(|only| only != *part) {
            continue;
        }
        let name = part
            .to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default();
        println!("\n── {name}");
        // The one thing no lock file brings. Whoever asks for this part alone hears that it failed.
        if *part == Part::Browser && options.only.is_none() && browser::chromium()?.is_none() {
            console::fault(&browser::missing());
            not_run.push(name);
            continue;
        }
        let begun = Instant::now();
        run_part(*part, options.named.as_deref())?;
        times.push((name, begun.elapsed().as_secs_f32()));
    }
    println!();
    for (name, seconds) in times {
        println!("  ✔ {name:<16} {seconds:>6.1} s");
    }
    for name in &not_run {
        println!("  – {name:<16} not run, see above");
    }
    for (program, package) in missing {
        println!("  – {program} is not installed (Debian: {package}): what plays against it was not shown");
    }
    let which = if not_run.is_empty() {
        "All tests"
    } else {
        "All tests that were run"
    };
    println!("\n{which} passed in {:.1} s.", started.elapsed().as_secs_f32());
    Ok(())
}

fn run_part(part: Part, named: Option<&str>) -> Done {
    // A stack alone would install fewer.
    if !matches!(part, Part::Host | Part::Wasm) {
        console::step("npm tools", npm::ensure)?;
    }
    match part {
        Part::Host => cargo_test(&HOST, &[])
            .and_then(|()| cargo_test(&["--package", "crossfade-testkit", "--lib", "--bins"], &[])),
        Part::Wasm => wasm(),
        Part::Conformance => conformance::run(&conformance::Options::everything()),
        Part::StandIn => with_database("crossfade-testkit", &["--test=legacy"]),
        Part::Origin => with_database("crossfade-origin", &ORIGIN_TESTS),
        Part::Clients => {
            clients::test().and_then(|()| end_to_end::only(Issuer::KeyServer, "signed::clients::"))
        }
        Part::EndToEnd => end_to_end(Issuer::Emulator, named),
        Part::EndToEndRs256 => end_to_end(Issuer::KeyServer, named),
        Part::Documents => documents::test(),
        Part::Browser => browser::test(),
    }
}

fn end_to_end(issuer: Issuer, named: Option<&str>) -> Done {
    match named {
        Some(named) => end_to_end::only(issuer, named),
        None => end_to_end::run(issuer),
    }
}

fn cargo_test(words: &[&str], variables: &[(&str, &str)]) -> Done {
    run::shown(
        "cargo test",
        run::cargo()
            .arg("test")
            .arg("--quiet")
            .args(words)
            .envs(variables.iter().copied()),
    )
}

fn wasm() -> Done {
    console::step("wasm32 target", wasm_target::ensure)?;
    let runner = console::step("compile the runner", bindgen::test_runner)?;
    // Not `--quiet`: cargo would hand it on to the runner, which does not know it.
    run::shown(
        "cargo test",
        run::cargo()
            .args(["test", "--package", "crossfade-shared", "--lib"])
            .args(["--target", wasm_target::TARGET])
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner),
    )
}

/// Tests of `package` that need a PostgreSQL.
fn with_database(package: &str, tests: &[&str]) -> Done {
    let (url, _server) = stack::test_database()?;
    let programs = stack::postgres::programs()?;
    let programs = programs.to_string_lossy();
    for test in tests {
        cargo_test(
            &["--package", package, test],
            &[("TEST_DATABASE_URL", &url), ("TEST_POSTGRES_PROGRAMS", &programs)],
        )?;
    }
    Ok(())
}
