//! Rehearsals of what operators do, on a stack of their own, with things failing meanwhile.

mod migration;
mod rollout;

use crate::fault::Done;

/// What to rehearse.
#[derive(clap::Subcommand)]
pub enum Options {
    /// Bring ten thousand people to Firebase with their passwords while the command is killed again and again; then all sign in.
    Migration(migration::Options),
    /// Move two thousand people from 0 to 100 % and back while the legacy service, the origin and PostgreSQL fail.
    Rollout(rollout::Options),
}

/// Rehearses it.
pub fn run(options: &Options) -> Done {
    match options {
        Options::Migration(options) => migration::run(options),
        Options::Rollout(options) => rollout::run(options),
    }
}
