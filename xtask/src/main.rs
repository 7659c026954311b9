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

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};
use stack::fault::{Done, In as _};
use stack::{build_edge, run, running};

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
    #[command(disable_help_flag = true)]
    Drill(Words),
    /// Measure against other projects' work.
    #[command(disable_help_flag = true)]
    Bench(Words),
    /// Say who moves, and why, before it is deployed.
    #[command(subcommand)]
    Rollout(rollout::Options),
    /// Build the Worker and say how large it is.
    BuildEdge(build_edge::Options),
    /// Print addresses and secrets of the running `dev` stack.
    Where(running::Options),
    /// Run one SQL statement in the database of the running `dev` stack.
    Sql(sql::Options),
}

/// What a program of its own is asked to do.
#[derive(clap::Args)]
struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

fn main() -> ExitCode {
    stack::program(|| match Cli::parse().verb {
        Verb::Dev(options) => dev::run(&options),
        Verb::Smoke(options) => smoke::run(&options),
        Verb::Test(options) => test::run(&options),
        Verb::Check(options) => check::run(&options, &Cli::command()),
        Verb::ApiCheck(options) => api_check::run(&options),
        Verb::Conformance(options) => conformance::run(&options),
        Verb::Fuzz(options) => fuzz::run(&options),
        Verb::Drill(words) => become_program("crossfade-drills", &words),
        Verb::Bench(words) => become_program("crossfade-bench", &words),
        Verb::Rollout(options) => rollout::run(&options),
        Verb::BuildEdge(options) => build_edge::run(&options),
        Verb::Where(options) => running::run(&options),
        Verb::Sql(options) => sql::run(&options),
    })
}

/// Replaces this program by that of the crate `package`, which cargo compiles first. `cargo xtask dev` therefore does not compile it.
fn become_program(package: &str, words: &Words) -> Done {
    let mut cargo = Command::new(run::program_of_cargo());
    run::forget_cargo(&mut cargo);
    cargo.args(["run", "--quiet", "--package", package]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    Err(cargo.arg("--").args(&words.words).exec()).in_step(package)
}

/// All commands, with those of the programs that [`become_program`] starts.
#[cfg(test)]
fn commands() -> clap::Command {
    Cli::command()
        .mut_subcommand("drill", drills::Options::augment_subcommands)
        .mut_subcommand("bench", bench::Options::augment_subcommands)
}
