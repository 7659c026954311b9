//! `origin doctor`: checks what this configuration can reach from here, and whether it fits. Changes nothing.

mod database;
mod edge;
mod finding;
mod outside;
mod redis;

use std::process::ExitCode;

use clap::Args;

use shared::config::Lookup;

use crate::clock;
use crate::config::Config;
use finding::Finding;

/// The key of an administrating service, for questions to the edge.
pub(crate) const ADMIN_SERVICE_KEY: &str = "ADMIN_SERVICE_KEY";

/// Look at everything the service depends on, and exit 1 if something would stop it
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Compare with the edge at this address, such as https://api.example.com; ADMIN_SERVICE_KEY holds the key of a service that may
    /// administer
    #[arg(long, value_name = "URL")]
    edge: Option<String>,
}

/// Runs every check and prints the findings; answers 0 when nothing is wrong, else 1.
pub async fn run(arguments: &DoctorArgs, config: &Config, environment: &dyn Lookup) -> ExitCode {
    let key = environment.get(ADMIN_SERVICE_KEY).unwrap_or_default();
    let (inside, outside, edge, redis) = tokio::join!(
        database::look(&config.database),
        outside::look(config),
        edge::look(config, arguments.edge.as_deref(), &key),
        redis::look(config.limits.redis.as_ref()),
    );
    let findings: Vec<Finding> = inside
        .into_iter()
        .chain(outside)
        .chain(edge)
        .chain(redis)
        .collect();
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
