//! Measurements against other projects' work, on this machine and in one run.

mod cpu;
mod edge;
mod figures;
mod load;
mod origin;
mod output;
mod overrides;
mod path;
mod rehearse;
mod target;
mod upstream;

use stack::fault::Done;
use stack::tools::{npm, wasm_target};
use stack::{build_edge, console};

/// What to measure.
#[derive(Debug, clap::Subcommand)]
pub enum Options {
    /// Our Worker beside a bare pass-through and two verifying Workers, all in one workerd.
    Edge(edge::Options),
    /// The origin beside pgbench and two services in TypeScript, on one PostgreSQL.
    Origin(origin::Options),
    /// A user's whole way: sign-in, `me`, verify and credit through edge, origin and PostgreSQL, beside the plan's own design.
    Path(path::Options),
    /// How long a change of the rollout takes to reach ten isolates under load.
    Overrides(overrides::Options),
    /// How long a rehearsal of a million request lines takes.
    Rehearse(rehearse::Options),
}

/// Measures.
pub fn run(options: &Options) -> Done {
    match options {
        Options::Edge(options) => edge::run(options),
        Options::Origin(options) => origin::run(options),
        Options::Path(options) => path::run(options),
        Options::Overrides(options) => overrides::run(options),
        Options::Rehearse(options) => rehearse::run(options),
    }
}

/// Builds the Worker as it is deployed.
fn build_worker() -> Done {
    console::step("npm tools", npm::ensure)?;
    console::step("wasm32 target", wasm_target::ensure)?;
    console::step(build_edge::STEP, || {
        build_edge::build(build_edge::Profile::Release)
    })?;
    Ok(())
}
