//! `cargo xtask drill rollout`: two thousand users sign in, are verified and read their profiles through the Workers runtime while the
//! percentage goes 0 → 1 → 10 → 50 → 100 → 0, one thing after the other fails in between, and strangers send what they like.
//!
//! Every answer is judged by what is known about the user and by the edge's own decision functions; see [`judge`].

mod acts;
mod autopilot;
mod days;
mod deployment;
mod factor;
mod judge;
mod play;
mod rehearsal;
mod report;
mod seed;
mod service;
mod services;
mod stage;
mod strangers;
mod tally;
mod trouble;
mod users;

use std::time::Instant;

use stack::build_edge::Profile;
use stack::fault::{Done, Fault};
use stack::{Issuer, Plan, Stack};

/// Options of `cargo xtask drill rollout`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many users there are.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..=20_000))]
    users: u32,
    /// How many of them are at it at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    at_once: u32,
    /// Let the rollout steer itself from 0 to 100 % instead, with three outages on the way.
    #[arg(long)]
    autopilot: bool,
}

/// Brings a stack up, plays all acts, prints the table. A missed target is a fault.
pub fn run(options: &Options) -> Done {
    let stop = stack::stop_signal()?;
    let mut stack = Stack::up(&Plan {
        worker: Profile::Release,
        edge: vec![
            ("ROLLOUT_PERCENT", "0".to_owned()),
            (
                "LOG_LEVEL",
                if options.autopilot { "warn" } else { "info" }.to_owned(),
            ),
            // As in production: this is about what happens when it runs out.
            ("UPSTREAM_TIMEOUT_MS", "3000".to_owned()),
        ],
        step_down: true,
        ..Plan::throw_away(Issuer::Emulator)
    })?;
    println!();
    if options.autopilot {
        return autopilot::run(&mut stack, options.users, options.at_once, &stop);
    }
    let names = service::Service::ALL.map(service::Service::name);
    let plan_services = stack.start_plan_services(&names)?;
    let started = Instant::now();
    let users = seed::seed(&stack.addresses, options.users)?;
    let user = factor::enrolled(&stack.addresses)?;
    let stage = stage::Stage::new(users, options.at_once, &stack.addresses.edge, stop)?;
    stage.rehearsal.add_log(stack.edge_log());
    let ((played, strange), tries) = factor::at_it(&stage, &user, || {
        strangers::at_it(&stage, || acts::play(&mut stack, &stage))
    });
    // When nobody else is at it: what the edge believes of the time, it believes for everybody.
    let days = played.and_then(|()| days::play(&mut stack, &stage));
    report::print(&stage, started.elapsed());
    if let Ok(days) = &days {
        days.print();
    }
    println!("\nMeanwhile strangers made {strange} requests with broken, stalled or misplaced bodies.");
    println!(
        "A user with a second factor tried {} times by password alone and was let in {} times.",
        tries.made, tries.let_in
    );
    drop(plan_services);
    drop(stack);
    let rehearsed = stage.rehearsal.rehearse(&stage.troubles);
    if let Ok(rehearsed) = &rehearsed {
        rehearsed.print();
    }
    let days = days?;
    if stage.is_stopped() {
        return Err(Fault::new("drill rollout", "stopped before its end"));
    }
    if tries.let_in > 0 {
        return Err(Fault::new(
            "drill rollout",
            "a password alone was enough for a user with a second factor",
        ));
    }
    days.verdict()?;
    rehearsed?.verdict()?;
    report::verdict(&stage)
}
