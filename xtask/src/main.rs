//! The project's commands. `cargo xtask --help` lists them.

mod api_check;
mod browser;
mod check;
mod clients;
mod conformance;
mod dev;
mod documents;
mod end_to_end;
mod fuzz;
mod rollout;
mod smoke;
mod sql;
mod test;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use stack::{build_edge, console, running};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Crossfade's development commands")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start the whole stack on this machine and print its addresses; Ctrl-C ends it.
    Dev(dev::Options),
    /// Play one user through a stack of its own, a line a step.
    Smoke(smoke::Options),
    /// Run all tests; brings up what they need.
    Test(test::Options),
    /// Formatting, lints, direction of imports, licences, migrations, configuration.
    Check(check::Options),
    /// Play made-up requests against a live origin and compare every answer with its document; needs Python.
    ApiCheck(api_check::Options),
    /// Run all test vectors, natively and inside workerd, and print the table.
    Conformance(conformance::Options),
    /// Throw generated input at everything that reads what a stranger sent.
    Fuzz(fuzz::Options),
    /// Rehearse what operators do, with things failing meanwhile.
    #[command(subcommand)]
    Drill(drills::Options),
    /// Measure against other projects' work.
    #[command(subcommand)]
    Bench(bench::Options),
    /// Say who moves, and why, before it is deployed.
    #[command(subcommand)]
    Rollout(rollout::Options),
    /// Build the Worker and say how large it is.
    BuildEdge(build_edge::Options),
    /// Print addresses and secrets of the running `dev` stack.
    Where(running::Options),
    /// Run one SQL statement in the database of the running `dev` stack.
    Sql(sql::Options),
    /// Ends the process groups named on standard input when that closes. Started by the others, for the case that they are
    /// killed.
    #[command(hide = true)]
    Guard,
}

fn main() -> ExitCode {
    end_when_nobody_reads();
    let done = match Cli::parse().verb {
        Verb::Dev(options) => dev::run(&options),
        Verb::Smoke(options) => smoke::run(&options),
        Verb::Test(options) => test::run(&options),
        Verb::Check(options) => check::run(&options, &Cli::command()),
        Verb::ApiCheck(options) => api_check::run(&options),
        Verb::Conformance(options) => conformance::run(&options),
        Verb::Fuzz(options) => fuzz::run(&options),
        Verb::Drill(options) => drills::run(&options),
        Verb::Bench(options) => bench::run(&options),
        Verb::Rollout(options) => rollout::run(&options),
        Verb::BuildEdge(options) => build_edge::run(&options),
        Verb::Where(options) => running::run(&options),
        Verb::Sql(options) => sql::run(&options),
        Verb::Guard => stack::guard::watch(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            console::fault(&fault);
            ExitCode::FAILURE
        }
    }
}

/// Ends without a word when nobody reads the output any more (`| head`). `println!` panics then; to take the signal SIGPIPE instead would
/// also end the program at a connection that its peer has closed.
fn end_when_nobody_reads() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let nobody_reads = panic.payload().downcast_ref::<String>().is_some_and(|text| {
            text.starts_with("failed printing to stdout") && text.contains("Broken pipe")
        });
        if nobody_reads {
            // As a shell reports the signal.
            std::process::exit(141);
        }
        report(panic);
    }));
}
