//! `origin users migrate`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use database::Pool;
use firebase::Firebase;
use shared::rollout::Percentage;
use user_import::{ImportError, Looking, Pace, Preflight, Progress, Report, UserImport, last_share};
use users::audit::Actor;
use users::directory::Directory;

use super::progress::ProgressBar;
use crate::cli::exit;
use crate::cli::reason::with_causes;

/// Bring users to Firebase with their passwords.
///
/// First checks which users can be imported, which cannot and why, and what Firebase has already. Then it imports the accounts with the
/// users' bcrypt hashes and links the rows. A user who signs in meanwhile is neither overwritten nor doubled.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// Only the first PERCENT of all users, in the edge's order: those whom ROLLOUT_PERCENT sends to v2 [default: 100, or with --resume the
    /// share of the run before]
    #[arg(long, value_name = "PERCENT", value_parser = percentage)]
    cohort: Option<Percentage>,
    /// At most N users
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Check, and change nothing on either side
    #[arg(long, conflicts_with = "resume")]
    dry_run: bool,
    /// Continue where an earlier run ended or was killed, without repeating its preflight; begin if there is none
    #[arg(long)]
    resume: bool,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    /// Calls to Firebase a second
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// Your name, for the audit trail
    #[arg(long, env = "USER", default_value = "unknown")]
    actor: String,
}

fn percentage(text: &str) -> Result<Percentage, String> {
    Percentage::parse(text).map_err(|error| error.to_string())
}

/// Migrates: 0 all users, 1 stopped before the end, 2 done but some users failed.
pub(super) async fn run(
    arguments: MigrateArgs,
    directory: Directory,
    firebase: Firebase,
    (group, max_cost): (String, u32),
) -> ExitCode {
    let share = match share(&arguments, directory.pool(), &group).await {
        Ok(share) => share,
        Err(error) => {
            eprintln!("{}", with_causes(&error));
            return ExitCode::FAILURE;
        }
    };
    let migration = UserImport::new(
        directory,
        firebase,
        group,
        share,
        Pace::per_second(arguments.rate),
        Actor::cli(&arguments.actor),
        max_cost,
    );
    let mut outcome = Outcome::default();
    let began = Instant::now();
    let stopped = migrate(&arguments, &migration, &mut outcome).await.err();
    outcome.seconds = began.elapsed().as_secs_f64();
    outcome.stopped = stopped.map(|error| with_causes(&error));
    if arguments.json {
        println!("{}", outcome.json(&migration));
    } else {
        print!("{}", outcome.summary());
    }
    match outcome {
        Outcome {
            stopped: Some(reason),
            ..
        } => {
            eprintln!("stopped: {reason}");
            if arguments.dry_run {
                eprintln!("Nothing was changed.");
            } else {
                eprintln!("What is done is kept. Go on with: origin users migrate --resume");
            }
            ExitCode::FAILURE
        }
        Outcome {
            report: Some(report), ..
        } if !report.failed.is_empty() => ExitCode::from(exit::SOME),
        _ => ExitCode::SUCCESS,
    }
}

/// The share of this run. Resumed without a share it is that of the run before: no more users than that may move by surprise.
async fn share(arguments: &MigrateArgs, pool: &Pool, group: &str) -> Result<Percentage, ImportError> {
    if let Some(share) = arguments.cohort {
        return Ok(share);
    }
    let last = if arguments.resume {
        last_share(pool, group).await?
    } else {
        None
    };
    Ok(last.unwrap_or(Percentage::EVERYBODY))
}

/// The report so far.
#[derive(Default)]
struct Outcome {
    preflight: Option<Preflight>,
    report: Option<Report>,
    waiting: Option<i64>,
    stopped: Option<String>,
    seconds: f64,
}

async fn migrate(
    arguments: &MigrateArgs,
    migration: &UserImport,
    outcome: &mut Outcome,
) -> Result<(), ImportError> {
    let looking = match (arguments.dry_run, arguments.resume) {
        (true, _) => Some(Looking::Dry),
        (false, false) => Some(Looking::Anew),
        (false, true) => migration.left_to_look_at().await?,
    };
    if let Some(looking) = looking {
        let preflight = migration.preflight(looking).await?;
        if !arguments.json {
            print!("{}", describe(&preflight, migration));
        }
        outcome.preflight = Some(preflight);
    }
    if arguments.dry_run {
        return Ok(());
    }
    let waiting = u64::try_from(migration.backlog().await?.waiting).unwrap_or(0);
    let mut bar = ProgressBar::new(arguments.limit.map_or(waiting, |limit| waiting.min(limit)));
    let report = outcome.report.insert(Report::default());
    let ran = migration
        .run(arguments.limit, report, &mut |progress| match progress {
            Progress::Moved(report) => bar.show(report.settled(), report.failed.values().sum()),
            Progress::Waiting(0) => {}
            Progress::Waiting(others) => {
                bar.say(&format!("waiting: {others} users are with another process"));
            }
            Progress::Trouble(error) => bar.say(&format!("{error}; trying again")),
        })
        .await;
    bar.finish();
    ran?;
    outcome.waiting = Some(migration.backlog().await?.waiting);
    Ok(())
}

fn describe(found: &Preflight, migration: &UserImport) -> String {
    let mut text = String::from(if found.is_rest {
        "Preflight, of users that an earlier run had not reached\n"
    } else {
        "Preflight\n"
    });
    let mut line = |name: &str, value: String| {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "  {name:40}{value:>8}");
    };
    for (provider, count) in &found.users {
        line(&format!("users, {provider}"), count.to_string());
    }
    line(
        &format!("importable, first {} %", migration.share),
        found.importable.to_string(),
    );
    line("  of them privileged", found.privileged.to_string());
    line(
        "  of them deactivated (disabled there)",
        found.disabled.to_string(),
    );
    line("  of them at Firebase already", found.in_firebase.to_string());
    line("  of them with a second factor", found.second_factors.to_string());
    line("  of them with a taken address", found.address_taken.to_string());
    line("importable, later", found.outside_share.to_string());
    for (obstacle, count) in &found.obstacles {
        line(&format!("not importable, {obstacle}"), count.to_string());
    }
    for (kind, count) in &found.hash_kinds {
        line(&format!("hashes, {kind}"), count.to_string());
    }
    for user in &found.too_costly {
        let _infallible = writeln!(text, "  hash too costly (BCRYPT_MAX_COST): {user}");
    }
    text
}

impl Outcome {
    fn summary(&self) -> String {
        let Some(report) = &self.report else {
            return String::new();
        };
        let mut text = String::from("Result\n");
        let mut line = |name: &str, value: String| {
            // Writing to a String cannot fail.
            let _infallible = writeln!(text, "  {name:40}{value:>8}");
        };
        line("imported and linked", report.imported.to_string());
        line("account was there, linked", report.found.to_string());
        line(
            "moved by themselves meanwhile",
            report.moved_elsewhere.to_string(),
        );
        let mut each = |what: &str, counts: &BTreeMap<String, u64>| {
            for (code, count) in counts {
                line(&format!("{what}, {code}"), count.to_string());
            }
        };
        each("skipped", &report.skipped);
        each("failed", &report.failed);
        if let Some(waiting) = self.waiting {
            line("left in the queue", waiting.to_string());
        }
        line("seconds", format!("{:.1}", self.seconds));
        text
    }

    fn json(&self, migration: &UserImport) -> serde_json::Value {
        serde_json::json!({
            "group": migration.group,
            "cohort": migration.share.to_string(),
            "preflight": self.preflight,
            "report": self.report,
            "waiting": self.waiting,
            "stopped": self.stopped,
            "seconds": self.seconds,
        })
    }
}
