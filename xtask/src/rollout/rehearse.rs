//! `cargo xtask rollout rehearse LOG`: yesterday's traffic at another percentage, by the very functions that the edge decides with.
//!
//! Reads the edge's own request lines, one JSON object a line, or a HAR file of a browser or a proxy.

mod tally;

use std::path::PathBuf;

use rehearsal::{Weather, har, lines};
use shared::routing::Policy;

use super::{STEP, percentage, policy, reading};
use stack::fault::{Done, Fault, In as _};
use tally::Tally;

/// Options of `cargo xtask rollout rehearse`.
#[derive(clap::Args)]
pub struct Rehearse {
    /// Request lines of the edge (JSON, one a line), or a HAR file.
    log: PathBuf,
    /// The percentage to rehearse.
    #[arg(long)]
    percent: String,
    /// v2 is dead from this minute of the log on, counted from its first request.
    #[arg(long, value_name = "MINUTE")]
    v2_dies_at: Option<u32>,
    /// For so many minutes.
    #[arg(long, default_value_t = 10, requires = "v2_dies_at")]
    for_minutes: u32,
    /// Print each decision, as `LINE SIDE REASON`.
    #[arg(long)]
    each: bool,
    /// The environment in wrangler.toml, for everything but the percentage.
    #[arg(long, default_value = "production")]
    env: String,
}

/// Rehearses, and prints what came of it.
pub fn run(options: &Rehearse) -> Done {
    let policy = Policy {
        percentage: percentage(&options.percent)?,
        ..policy(&options.env)?
    };
    let text = std::fs::read(&options.log).in_step(&reading(&options.log))?;
    let read = if har::is_har(&text) {
        har::calls(&text)
            .map_err(|error| Fault::new(STEP, format!("the HAR file cannot be read: {error}")))?
    } else {
        lines::calls(&text)
    };
    if read.calls.is_empty() {
        return Err(Fault::new(
            STEP,
            "the log holds no sign-in: neither a request line of the edge nor a HAR entry for /auth/login or /auth/register",
        ));
    }
    let start = read.calls.iter().filter_map(|call| call.at).min();
    let outage = options.v2_dies_at.map(|minute| {
        let from = i64::from(minute) * 60;
        from..from + i64::from(options.for_minutes) * 60
    });
    if outage.is_some() && start.is_none() {
        return Err(Fault::new(STEP, "--v2-dies-at needs a log with times"));
    }
    let mut tally = Tally::default();
    for call in &read.calls {
        let v2_is_dead = match (&outage, call.at, start) {
            (Some(outage), Some(at), Some(start)) => outage.contains(&(at - start)),
            _ => false,
        };
        let weather = Weather {
            v2_is_dead,
            ..Weather::default()
        };
        let rehearsed = rehearsal::rehearse(call, &policy, weather);
        if options.each {
            println!(
                "{} {} {}",
                call.line,
                rehearsed.decision.side.as_str(),
                rehearsed.decision.reason.as_str()
            );
        }
        tally.count(call, &rehearsed);
    }
    tally.print(&policy, read.skipped);
    Ok(())
}
