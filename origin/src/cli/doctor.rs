//! `origin doctor`: what this configuration can reach from here, and whether what it finds there fits. Changes nothing.

mod database;
mod finding;
mod outside;

use std::process::ExitCode;

use clap::Args;

use crate::clock;
use crate::config::Config;
use finding::Finding;

/// Look at everything the service depends on, and exit 1 if something would stop it
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs every check and prints what it found; answers 0 when nothing is wrong, else 1.
pub async fn run(arguments: &DoctorArgs, config: &Config) -> ExitCode {
    let (inside, outside) = tokio::join!(database::look(&config.database), outside::look(config));
    let findings: Vec<Finding> = inside.into_iter().chain(outside).collect();
    if arguments.json {
        println!("{}", finding::as_json(&findings, clock::now()));
    } else {
        for finding in &findings {
            println!("{finding}");
        }
    }
    if findings.iter().all(Finding::is_fine) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
