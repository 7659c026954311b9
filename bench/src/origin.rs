//! `cargo xtask bench origin`: the origin beside pgbench and two services in TypeScript, in turns, on one PostgreSQL server.

mod cases;
pub mod credentials;
pub mod database;
pub mod fill;
pub mod pgbench;
mod report;
pub mod services;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cases::{CASES, Subject};
use credentials::Issuer;
use database::{Keep, Server};
use services::Services;
use stack::console;
use stack::fault::{Done, Fault};
use stack::guard::Guard;
use stack::tools::npm;

use crate::figures::Figures;
use crate::output::Output;

const STEP: &str = "bench origin";
/// Connections of every pool and of pgbench.
pub const POOL: u32 = 16;

/// Options of `cargo xtask bench origin`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Users in the table; a second number measures ours and pgbench's reads there too, in the same turns.
    #[arg(long, value_delimiter = ',', default_value = "10000")]
    users: Vec<u32>,
    /// Connections at once.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Turns that each row gets; one more, which is not counted, comes first.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Seconds of each turn.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Another build of the origin, measured beside this one.
    #[arg(long, value_name = "PROGRAM")]
    beside: Option<PathBuf>,
    /// Only the row of this name, or those whose names contain it; may be given several times.
    #[arg(long)]
    only: Vec<String>,
    #[command(flatten)]
    keep: Keep,
    #[command(flatten)]
    output: Output,
}

/// One table of users: its size, and who serves it.
pub struct World {
    users: u32,
    url: String,
    services: Services,
}

/// Builds and starts everything, measures in turns and prints the table.
pub fn run(options: &Options) -> Done {
    console::step("npm tools", npm::ensure)?;
    console::step("compile the origin (release)", services::build)?;
    console::step("compile its peers", services::build_peers)?;
    let guard = Arc::new(Guard::start(None)?);
    let pgbench = pgbench::find()?;
    let issuer = Issuer::start()?;
    let server = console::step("PostgreSQL, as durable as in production", || {
        Server::start(&guard, &options.keep)
    })?;
    if options.keep.fill {
        return options.users.iter().try_for_each(|&users| {
            console::step(&format!("a database of {users} users"), || {
                fill::fill(&server, &pgbench, &format!("people_{users}"), users).map(drop)
            })
        });
    }
    let mut worlds = Vec::new();
    for (index, &users) in options.users.iter().enumerate() {
        let url = console::step(&format!("a database of {users} users"), || {
            fill::fill(&server, &pgbench, &format!("people_{users}"), users)
        })?;
        let services = Services::start(&guard, &url, &issuer, index == 0, options.beside.as_deref())?;
        worlds.push(World { users, url, services });
    }
    let idle = worlds.first().and_then(|world| world.services.memory());
    // The sizes of one row follow each other: they are compared.
    let rows: Vec<(usize, &cases::Case)> = CASES
        .iter()
        .flat_map(|case| (0..worlds.len()).map(move |world| (world, case)))
        .filter(|(world, case)| *world == 0 || case.at_any_size)
        .filter(|(_, case)| options.beside.is_some() || case.subject != Subject::Beside)
        .filter(|(_, case)| is_wanted(case.name, &options.only))
        .collect();
    let mut figures: Vec<Figures> = rows
        .iter()
        .map(|(world, case)| Figures::new(&name(&worlds, *world, case.name)))
        .collect();
    for turn in 0..=options.turns {
        // The first turn prepares statements, fetches keys and fills caches; it is not counted.
        let length = Duration::from_secs(if turn == 0 { 1 } else { options.seconds });
        console::step(&format!("turn {turn} of {}", options.turns), || {
            for ((world, case), figures) in rows.iter().zip(&mut figures) {
                let world = worlds
                    .get(*world)
                    .ok_or_else(|| Fault::new(STEP, "no such database"))?;
                let run = cases::Run {
                    world,
                    server: &server,
                    issuer: &issuer,
                    pgbench: &pgbench,
                    connections: options.connections,
                    length,
                };
                let measured = run.measure(case)?;
                if turn > 0 {
                    figures.add(measured);
                }
            }
            Ok(())
        })?;
    }
    let loaded = worlds.first().and_then(|world| world.services.memory());
    for world in &worlds {
        console::step("reconcile the ledger", || services::reconcile(&world.url))?;
    }
    report::print(&figures, options, idle, loaded)
}

/// Whether one of `only` names the row, or is a part of its name and no row's whole name.
fn is_wanted(name: &str, only: &[String]) -> bool {
    let is_a_row = |text: &str| CASES.iter().any(|case| case.name == text);
    only.is_empty()
        || only
            .iter()
            .any(|only| name == only || (!is_a_row(only) && name.contains(only)))
}

/// The row's name; with more than one table, its size too.
fn name(worlds: &[World], world: usize, case: &str) -> String {
    match worlds.get(world) {
        Some(other) if world > 0 => format!("{case}, {} users", other.users),
        _ => case.to_owned(),
    }
}
