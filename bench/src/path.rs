//! `cargo xtask bench path`: a user's whole way through edge, origin and PostgreSQL, beside the plan's own design, in turns.

mod report;
mod steps;
mod systems;

use std::sync::Arc;
use std::time::Duration;

use stack::console;
use stack::fault::{Done, Fault};
use stack::guard::Guard;
use steps::{STEPS, Step};
use systems::System;

use crate::figures::Figures;
use crate::origin::credentials::{Issuer, Users};
use crate::origin::database::{Keep, Server};
use crate::origin::{fill, pgbench, services};
use crate::output::Output;

const STEP: &str = "bench path";
/// The users with tokens that are sent again and again.
const WARM: usize = 1000;
/// New tokens, and sign-ins, for each second of a turn: more than the machine answers.
const NEW_TOKENS_A_SECOND: usize = 4500;
const SIGN_INS_A_SECOND: usize = 2500;

/// Options of `cargo xtask bench path`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Users in the table; several sizes are measured one after another.
    #[arg(long, value_delimiter = ',', default_value = "10000,1000000")]
    users: Vec<u32>,
    /// Connections at once; several numbers are measured in turns.
    #[arg(long, value_delimiter = ',', default_value = "16,256")]
    connections: Vec<usize>,
    /// Turns that each row gets; one more, which is not counted, comes first.
    #[arg(long, default_value_t = 3)]
    turns: usize,
    /// Seconds of each turn.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    #[command(flatten)]
    keep: Keep,
    #[command(flatten)]
    output: Output,
}

/// One line of the table.
struct Row {
    users: u32,
    connections: usize,
    step: Step,
    system: &'static str,
    figures: Figures,
}

/// Builds and starts everything, measures in turns and prints the table.
pub fn run(options: &Options) -> Done {
    crate::build_worker()?;
    console::step("compile the origin (release)", services::build)?;
    let guard = Arc::new(Guard::start(None)?);
    let pgbench = pgbench::find()?;
    let issuer = Issuer::start()?;
    let server = console::step("PostgreSQL, as durable as in production", || {
        Server::start(&guard, &options.keep)
    })?;
    let mut rows = Vec::new();
    let mut memory = Vec::new();
    for &users in &options.users {
        let database = |system: &str| {
            console::step(&format!("a database of {users} users, {system}"), || {
                fill::fill(&server, &pgbench, &format!("path_{users}_{system}"), users)
            })
        };
        let urls = (database("crossfade")?, database("plan")?);
        if options.keep.fill {
            continue;
        }
        let systems = [
            systems::ours(&guard, &urls.0, &issuer)?,
            systems::plan(&guard, &urls.1, &issuer)?,
        ];
        rows.extend(measure(options, users, &systems, &server, &issuer)?);
        memory.extend(systems.iter().map(|system| (users, system.name, system.memory())));
        drop(systems);
        for url in [&urls.0, &urls.1] {
            console::step("reconcile the ledger", || services::reconcile(url))?;
        }
    }
    if options.keep.fill {
        return Ok(());
    }
    report::print(&rows, &memory, options)
}

fn measure(
    options: &Options,
    users: u32,
    systems: &[System],
    server: &Server,
    issuer: &Issuer,
) -> Done<Vec<Row>> {
    let mut rows: Vec<Row> = options
        .connections
        .iter()
        .flat_map(|connections| STEPS.iter().map(move |step| (*connections, *step)))
        .flat_map(|(connections, step)| {
            systems.iter().map(move |system| Row {
                users,
                connections,
                step,
                system: system.name,
                figures: Figures::new(system.name),
            })
        })
        .collect();
    let warm = Users {
        from: 0,
        count: WARM,
        of: users,
    };
    let warm_tokens = issuer.tokens(warm)?;
    for turn in 0..=options.turns {
        // The first turn fetches keys and fills caches; it is not counted.
        let seconds = if turn == 0 { 1 } else { options.seconds };
        // Both systems get the same tokens, which are new to both.
        let mut new_tokens = Vec::new();
        console::step(&format!("{users} users: tokens of turn {turn}"), || {
            for round in 0..options.connections.len() {
                let each_second = |count| Users {
                    count: count * seconds as usize,
                    ..warm
                };
                new_tokens.push(issuer.tokens(each_second(NEW_TOKENS_A_SECOND))?);
                let round = turn * options.connections.len() + round;
                issuer.prepare_sign_ins(round, each_second(SIGN_INS_A_SECOND))?;
            }
            Ok(())
        })?;
        console::step(
            &format!("{users} users: turn {turn} of {}", options.turns),
            || {
                for row in &mut rows {
                    let system = systems.iter().find(|system| system.name == row.system);
                    let round = options
                        .connections
                        .iter()
                        .position(|other| *other == row.connections);
                    let (Some(system), Some(round)) = (system, round) else {
                        return Err(Fault::new(STEP, "no such system"));
                    };
                    let run = steps::Run {
                        system,
                        server,
                        tokens_of: warm,
                        connections: row.connections,
                        length: Duration::from_secs(seconds),
                        round: turn * options.connections.len() + round,
                        sign_ins: SIGN_INS_A_SECOND * seconds as usize,
                        warm_tokens: &warm_tokens,
                        new_tokens: new_tokens.get(round).map_or(&[], Vec::as_slice),
                    };
                    let measured = run.measure(row.step)?;
                    if turn > 0 {
                        row.figures.add(measured);
                    }
                }
                Ok(())
            },
        )?;
    }
    Ok(rows)
}
