//! The table, and whether the targets are met.

use std::time::Duration;

use stack::fault::{Done, Fault};

use super::acts::STEP_DOWN;
use super::stage::Stage;
use super::tally::{Row, Wrong};

/// Prints the table.
pub fn print(stage: &Stage, took: Duration) {
    let rows = stage.rows();
    println!("\n{} users, {:.0} s\n", stage.users.len(), took.as_secs_f32());
    print!("{:<28} {:>8}", "", "requests");
    for wrong in Wrong::ALL {
        print!("  {}", wrong.title());
    }
    println!("  turned away  longest outage  fallbacks");
    for row in rows.iter() {
        print!("{:<28} {:>8}", row.name, row.requests);
        for wrong in Wrong::ALL {
            print!("  {:>width$}", row.count(wrong), width = wrong.title().len());
        }
        let fallbacks: Vec<String> = row
            .fallbacks
            .iter()
            .map(|(cause, times)| format!("{cause} {times}"))
            .collect();
        println!(
            "  {:>11}  {:>12.1} s  {}",
            row.turned_away,
            row.longest_outage.as_secs_f32(),
            fallbacks.join(", ")
        );
    }
    println!(
        "\nturned away: 503 or 504 with Retry-After, while no service that knows the user was up\n\
         badly said:  a failure of ours that is not 503 or 504 with Retry-After"
    );
    services(&rows);
    for row in rows.iter().filter(|row| row.must_step_down) {
        match row.stepped_down_after() {
            Some(after) => println!("\n{}: stepped down after {:.1} s", row.name, after.as_secs_f32()),
            None => println!("\n{}: did not step down", row.name),
        }
    }
    for row in rows.iter() {
        for example in &row.examples {
            println!("\n{}: {example}", row.name);
        }
    }
}

fn services(rows: &[Row]) {
    println!(
        "\n{:<28} {:>8}  by moved users  failed  turned away  cut off",
        "services behind the edge", "calls"
    );
    for row in rows {
        let calls = row.services;
        println!(
            "{:<28} {:>8}  {:>14}  {:>6}  {:>11}  {:>7}",
            row.name,
            calls.made,
            calls.by_moved_users,
            row.count(Wrong::Service),
            calls.turned_away,
            calls.cut_off
        );
    }
    println!(
        "\nby moved users: they have signed in on both sides, and call with a token of either\n\
         turned away:    503 or 504 with Retry-After, while the edge could not read the user's row\n\
         cut off:        the service asks the legacy service itself, and that was down"
    );
}

/// Nothing that must not happen has happened.
pub fn verdict(stage: &Stage) -> Done {
    let rows = stage.rows();
    let late = rows
        .iter()
        .filter(|row| row.must_step_down && row.stepped_down_after().is_none_or(|after| after > STEP_DOWN))
        .map(|row| format!("no step-down within {} s: {}", STEP_DOWN.as_secs(), row.name));
    let calls_of_moved: u64 = rows.iter().map(|row| row.services.by_moved_users).sum();
    let nobody_moved = (calls_of_moved == 0).then(|| "no moved user called a service".to_owned());
    let missed: Vec<String> = Wrong::ALL
        .into_iter()
        .map(|wrong| (wrong, rows.iter().map(|row| row.count(wrong)).sum::<u64>()))
        .filter(|(_, times)| *times > 0)
        .map(|(wrong, times)| format!("{} {times}", wrong.title()))
        .chain(late)
        .chain(nobody_moved)
        .collect();
    if missed.is_empty() {
        println!("\nAll targets met: nobody on a wrong side, nobody moved without a cause, no sign-in lost.");
        Ok(())
    } else {
        Err(Fault::new(
            "drill rollout",
            format!("targets missed: {}", missed.join(", ")),
        ))
    }
}
