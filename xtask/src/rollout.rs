//! `cargo xtask rollout`: what a deployment would decide, by the very functions the edge decides with.

mod judge;
mod rehearse;
mod status;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use shared::ids::NormalizedEmail;
use shared::rollout::{Bucket, Percentage, RolloutKey};
use shared::routing::{self, Decision, Facts, Policy, Purpose};
use stack::fault::{Done, Fault, In as _};
use stack::paths;
use toml::Table;

const STEP: &str = "rollout";

/// What to find out.
#[derive(clap::Subcommand)]
pub enum Options {
    /// Where one user signs in and registers, and why.
    Explain(Explain),
    /// Who of a list moves between two percentages.
    Preview(Preview),
    /// The commands that set a percentage.
    Plan(Plan),
    /// What yesterday's traffic would have done at another percentage, and while v2 is dead.
    Rehearse(rehearse::Rehearse),
    /// Whether the traffic since the last step allows the next one: promote, wait or roll back.
    Judge(judge::Judge),
    /// The stage of a running rollout, and what is missing for the next one.
    Status(status::Running),
    /// What the autopilot of a running rollout decided, and why.
    Evidence(status::Running),
}

/// One user.
#[derive(clap::Args)]
pub struct Explain {
    /// The user's e-mail address.
    #[arg(long, required_unless_present = "user")]
    email: Option<String>,
    /// The user id of a user without an address.
    #[arg(long)]
    user: Option<String>,
    /// The environment in wrangler.toml.
    #[arg(long, default_value = "production")]
    env: String,
}

/// A list of users.
#[derive(clap::Args)]
pub struct Preview {
    /// The percentage before.
    #[arg(long)]
    from: String,
    /// The percentage after.
    #[arg(long)]
    to: String,
    /// A file with one e-mail address or user id a line.
    #[arg(long)]
    ids: PathBuf,
    /// The environment in wrangler.toml, for its group.
    #[arg(long, default_value = "production")]
    env: String,
}

/// A new percentage.
#[derive(clap::Args)]
pub struct Plan {
    /// The percentage to go to.
    #[arg(long)]
    to: String,
    /// The environment in wrangler.toml.
    #[arg(long, default_value = "production")]
    env: String,
}

/// Finds it out.
pub fn run(options: &Options) -> Done {
    match options {
        Options::Explain(options) => explain(options),
        Options::Preview(options) => preview(options),
        Options::Plan(options) => plan(options),
        Options::Rehearse(options) => rehearse::run(options),
        Options::Judge(options) => judge::run(options),
        Options::Status(running) => status::status(running),
        Options::Evidence(running) => status::evidence(running),
    }
}

fn explain(options: &Explain) -> Done {
    let policy = policy(&options.env)?;
    let email = options
        .email
        .as_deref()
        .map(NormalizedEmail::parse)
        .transpose()
        .in_step("--email")?;
    for (what, purpose) in [
        ("signs in", Purpose::SignIn),
        ("registers", Purpose::Registration),
    ] {
        let facts = Facts {
            purpose,
            email: email.as_ref(),
            id: options.user.as_deref(),
            cookie: None,
            stepped_down: false,
        };
        println!("{what:<10} {}", line(&routing::decide(&facts, &policy)));
    }
    println!(
        "{} at {} %, group {}",
        options.env, policy.percentage, policy.group
    );
    Ok(())
}

fn line(decision: &Decision) -> String {
    let bucket = decision
        .bucket
        .map(|bucket| format!(", bucket {} of 10000", bucket.number()));
    format!(
        "{}: {}{}",
        decision.side.as_str(),
        decision.reason.as_str(),
        bucket.unwrap_or_default()
    )
}

fn preview(options: &Preview) -> Done {
    let group = policy(&options.env)?.group;
    let (from, to) = (percentage(&options.from)?, percentage(&options.to)?);
    let list = fs::read_to_string(&options.ids).in_step(&reading(&options.ids))?;
    let (mut to_v2, mut to_legacy, mut stay) = (0_usize, 0_usize, 0_usize);
    for id in list.lines().map(str::trim).filter(|id| !id.is_empty()) {
        let email = NormalizedEmail::parse(id).ok();
        let key = email.as_ref().map_or(RolloutKey::Id(id), RolloutKey::Email);
        let bucket = Bucket::of(&group, key);
        match (bucket.is_within(from), bucket.is_within(to)) {
            (false, true) => {
                to_v2 += 1;
                println!("→ v2      {id}");
            }
            (true, false) => {
                to_legacy += 1;
                println!("→ legacy  {id}");
            }
            _ => stay += 1,
        }
    }
    println!("{from} % → {to} %: {to_v2} to v2, {to_legacy} to legacy, {stay} stay");
    Ok(())
}

fn plan(options: &Plan) -> Done {
    let (now, to) = (policy(&options.env)?.percentage, percentage(&options.to)?);
    let env = &options.env;
    println!("{env}: {now} % → {to} %\n");
    println!("1. in wrangler.toml, [env.{env}.vars]:   ROLLOUT_PERCENT = \"{to}\"");
    println!("2. cargo xtask check");
    println!("3. npx wrangler deploy --env {env}");
    println!("\nback: npx wrangler rollback --env {env}");
    Ok(())
}

fn reading(file: &Path) -> String {
    format!("read {}", file.display())
}

fn percentage(text: &str) -> Done<Percentage> {
    Percentage::parse(text).map_err(|rule| Fault::new(STEP, format!("`{text}` {rule}")))
}

/// The policy of `[env.NAME.vars]`. A variable that the edge could not read is a fault here: it would move nobody.
fn policy(environment: &str) -> Done<Policy> {
    let written: Table = fs::read_to_string(paths::root().join("wrangler.toml"))
        .in_step(STEP)?
        .parse()
        .in_step(STEP)?;
    let variables: BTreeMap<String, String> = written
        .get("env")
        .and_then(|environments| environments.get(environment)?.get("vars")?.as_table())
        .ok_or_else(|| Fault::new(STEP, format!("wrangler.toml has no [env.{environment}.vars]")))?
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    let has_legacy = variables
        .get("LEGACY_AUTH_URL")
        .is_some_and(|url| !url.is_empty());
    match routing::read_policy(&variables, has_legacy) {
        (policy, None) => Ok(policy),
        (_, Some(faults)) => Err(Fault::new(STEP, faults)),
    }
}
