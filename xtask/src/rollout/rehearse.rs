//! `cargo xtask rollout rehearse LOG`: yesterday's traffic at another percentage, by the very functions that the edge decides with.
//!
//! Reads the edge's own request lines, one JSON object a line, or a HAR file of a browser or a proxy. A request line says the bucket
//! of a sign-in and no address, a HAR has the body of the sign-in with the address; either is all that a decision needs.

mod call;
mod har;
pub mod lines;
mod tally;

use std::path::PathBuf;

use shared::fallback::{self, Attempt, Outcome};
use shared::routing::{self, Facts, Policy, Side};

use super::{STEP, percentage, policy};
use call::{Call, Who};
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
    let text = std::fs::read(&options.log).in_step(STEP)?;
    let read = if har::is_har(&text) {
        har::calls(&text)?
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
        let dead = match (&outage, call.at, start) {
            (Some(outage), Some(at), Some(start)) => outage.contains(&(at - start)),
            _ => false,
        };
        let (decision, answered) = rehearsed(call, &policy, dead);
        if options.each {
            println!(
                "{} {} {}",
                call.line,
                decision.side.as_str(),
                decision.reason.as_str()
            );
        }
        tally.count(call, &decision, answered);
    }
    tally.print(&policy, read.skipped);
    Ok(())
}

/// What the edge decides, and which side answers: nobody, where v2 is dead and the call cannot be sent to the legacy service instead.
fn rehearsed(call: &Call, policy: &Policy, v2_is_dead: bool) -> (routing::Decision, Option<Side>) {
    let facts = Facts {
        purpose: call.purpose,
        email: match &call.who {
            Who::Email(email) => Some(email),
            Who::Bucket(_) | Who::Unknown => None,
        },
        id: None,
        cookie: match call.who {
            Who::Bucket(bucket) => Some(bucket),
            Who::Email(_) | Who::Unknown => None,
        },
        stepped_down: false,
    };
    let decision = routing::decide(&facts, policy);
    if decision.side == Side::Legacy || !v2_is_dead {
        return (decision, Some(decision.side));
    }
    let attempt = Attempt {
        purpose: call.purpose,
        side: decision.side,
        repeatable: call.purpose == shared::routing::Purpose::SignIn,
        proven: false,
    };
    // A breaker is open soon after a service has died: nothing was sent, so anything may be sent elsewhere.
    let falls_back = policy.legacy_exists && fallback::cause(attempt, Outcome::BreakerOpen).is_some();
    (decision, falls_back.then_some(Side::Legacy))
}
