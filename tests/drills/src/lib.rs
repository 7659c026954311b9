//! Rehearsals of what operators do, on a stack of their own, with things failing meanwhile.

mod failover;
mod migration;
mod rollout;

use stack::fault::Done;

/// What to rehearse.
#[derive(Debug, clap::Subcommand)]
pub enum Options {
    /// Lose the database's machines, connections and poolers and the origins one after the other, under credits, first sights and reads.
    Failover(failover::Options),
    /// Bring ten thousand users to Firebase with their passwords while the command is killed again and again; then all sign in.
    Migration(migration::Options),
    /// Move two thousand users from 0 to 100 % and back while the legacy service, the origin and PostgreSQL fail.
    Rollout(rollout::Options),
}

/// Rehearses it.
pub fn run(options: &Options) -> Done {
    match options {
        Options::Failover(options) => failover::run(options),
        Options::Migration(options) => migration::run(options),
        Options::Rollout(options) => rollout::run(options),
    }
}
