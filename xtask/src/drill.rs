//! Rehearsals of what operators do, on a stack of their own, with things failing meanwhile.

mod rollout;

use crate::fault::Done;

/// What to rehearse.
#[derive(clap::Subcommand)]
pub enum Options {
    /// Move two thousand people from 0 to 100 % and back while the legacy service, the origin and PostgreSQL fail.
    Rollout(rollout::Options),
}

/// Rehearses it.
pub fn run(options: &Options) -> Done {
    match options {
        Options::Rollout(options) => rollout::run(options),
    }
}
