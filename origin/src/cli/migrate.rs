//! `origin migrate`: the schema from the command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use database::Servers;
use schema::backup::SILENCE;
use schema::status::{self, State};
use schema::{self, Options, Progress, SchemaError};
use sqlx::postgres::PgConnectOptions;

use super::reason::{counted, with_causes};
use crate::server;

/// The schema: bring it up, take it down, look at it, back it up.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the database to the newest schema; safe beside live traffic and from several replicas at once
    Up {
        #[command(flatten)]
        patience: Patience,
    },
    /// Take the newest migration, or all above a version, down again
    Down {
        /// Stay at this version; 0 takes everything down but the legacy service's own tables
        #[arg(long, value_name = "VERSION")]
        to: Option<u32>,
        /// Go on although data is lost that cannot be computed again
        #[arg(long)]
        accept_loss: bool,
        /// Say what would be taken down and lost, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        patience: Patience,
    },
    /// Show which migrations are applied; exits 1 unless the schema is current
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare columns, constraints, indexes and triggers with what they should be; exits 1 on any difference
    Verify {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Dump the database with pg_dump and prove the dump by restoring it beside
    Backup {
        /// The file to write; must not exist
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        /// Do not restore the dump into a scratch database; the backup is then unproven
        #[arg(long)]
        skip_restore_test: bool,
    },
}

#[derive(Debug, Args)]
struct Patience {
    /// How long to keep trying for a lock that others hold, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    lock_patience: u64,
}

impl MigrateArgs {
    /// Whether the command itself handles SIGTERM and Ctrl-C: a backup leaves no partial file and no scratch database behind.
    pub(super) const fn ends_by_itself(&self) -> bool {
        matches!(self.command, Command::Backup { .. })
    }
}

/// Runs the command and answers the exit code: 0 done, 1 failed (the reason is on standard error).
pub async fn run(arguments: MigrateArgs, servers: &Servers) -> ExitCode {
    let database = &match servers.choose().await {
        Ok(database) => database,
        Err(error) => {
            eprintln!("{}", explain(&SchemaError::Connect(error)));
            return ExitCode::FAILURE;
        }
    };
    let outcome = match arguments.command {
        Command::Up { patience } => up(database, &patience).await,
        Command::Down {
            to,
            accept_loss,
            dry_run,
            patience,
        } => {
            let options = Options {
                lock_patience: Duration::from_secs(patience.lock_patience),
                accept_loss,
                rehearse_down: dry_run,
                ..Options::default()
            };
            down(database, to, &options).await
        }
        Command::Status { json } => show_status(database, json).await,
        Command::Verify { json } => verify(database, json).await,
        Command::Backup {
            output,
            skip_restore_test,
        } => backup(database, output, skip_restore_test).await,
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn up(database: &PgConnectOptions, patience: &Patience) -> Result<ExitCode, String> {
    let options = Options {
        lock_patience: Duration::from_secs(patience.lock_patience),
        ..Options::default()
    };
    let applied = schema::up(database, &options, &mut show_progress)
        .await
        .map_err(|error| explain(&error))?;
    match applied.as_slice() {
        [] => println!("The schema is current (version {}).", schema::newest_version()),
        applied => println!(
            "{} applied; the schema is at version {}.",
            counted(applied.len(), "migration"),
            schema::newest_version()
        ),
    }
    Ok(ExitCode::SUCCESS)
}

async fn down(database: &PgConnectOptions, to: Option<u32>, options: &Options) -> Result<ExitCode, String> {
    let found = status::read(database).await.map_err(|error| explain(&error))?;
    let mut applied = found
        .migrations
        .iter()
        .filter(|entry| entry.applied_at.is_some())
        .map(|entry| entry.version)
        .rev();
    let (newest, below) = (applied.next().unwrap_or(0), applied.next().unwrap_or(0));
    let to = to.unwrap_or(below);
    let taken = schema::down(database, to, options, &mut show_progress)
        .await
        .map_err(|error| explain(&error))?;
    if taken.is_empty() {
        println!("Nothing to take down; the schema is at version {newest}.");
        return Ok(ExitCode::SUCCESS);
    }
    if options.rehearse_down {
        let names = found
            .migrations
            .iter()
            .rev()
            .filter(|entry| taken.contains(&entry.version));
        for entry in names {
            println!("{}", entry.name);
        }
        println!(
            "{} would be taken down, to version {to}; nothing was changed.",
            counted(taken.len(), "migration")
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} taken down; the schema is at version {to}.",
        counted(taken.len(), "migration")
    );
    if taken.contains(&1) {
        println!(
            "The legacy service's own tables (auth.users, auth.user_profiles, public.schools) stay, rows included."
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn show_status(database: &PgConnectOptions, json: bool) -> Result<ExitCode, String> {
    let status = status::read(database).await.map_err(|error| explain(&error))?;
    if json {
        println!("{}", to_json(&status)?);
    } else {
        for entry in &status.migrations {
            let when = entry.applied_at.map_or_else(String::new, |at| {
                format!("  {}", at.format("%Y-%m-%d %H:%M:%S UTC"))
            });
            println!(
                "{:40} {:8}{when}",
                entry.name,
                format!("{:?}", entry.state).to_lowercase()
            );
        }
        for index in &status.invalid_indexes {
            println!("{index:40} invalid index, `migrate up` builds it again");
        }
        println!("{}", summary(&status));
    }
    Ok(if status.is_current() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A summary of the list, with the next step.
fn summary(status: &status::Status) -> String {
    match (status.count(State::Changed), status.count(State::Pending)) {
        (0, 0) if status.is_current() => "The schema is current.".to_owned(),
        (0, 0) => "An index is not usable. Build it again with: origin migrate up".to_owned(),
        (0, pending) => format!(
            "{} pending. Bring the schema up with: origin migrate up",
            counted(pending, "migration")
        ),
        (changed, _) => format!(
            "{} applied with another text than this program's: it is not of the release that made this schema.",
            counted(changed, "migration")
        ),
    }
}

async fn verify(database: &PgConnectOptions, json: bool) -> Result<ExitCode, String> {
    let report = schema::verify::read(database)
        .await
        .map_err(|error| explain(&error))?;
    if json {
        println!("{}", to_json(&report)?);
    } else {
        print!("{report}");
    }
    Ok(if report.differences.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn backup(
    database: &PgConnectOptions,
    output: PathBuf,
    skip_restore_test: bool,
) -> Result<ExitCode, String> {
    let stop = server::termination().map_err(|error| with_causes(&error))?;
    let report = schema::backup::take(database, &output, !skip_restore_test, SILENCE, stop)
        .await
        .map_err(|error| format!("{}: {}", error.code(), with_causes(&error)))?;
    print!("{report}");
    Ok(ExitCode::SUCCESS)
}

fn show_progress(progress: Progress) {
    match progress {
        Progress::Started(migration) => eprintln!("{migration} …"),
        Progress::Done { migration, took } => eprintln!("{migration} done in {:.2} s", took.as_secs_f64()),
        Progress::LockBusy { migration, waited } => {
            eprintln!(
                "{migration} waits for a lock ({:.1} s so far; no other session waits behind it)",
                waited.as_secs_f64()
            );
        }
        Progress::DroppingInvalidIndex { migration, index } => {
            eprintln!("{migration}: {index} was left half built; removing it to build it again");
        }
        Progress::Batch { migration, batches } => {
            if batches % 100 == 0 {
                eprintln!("{migration}: {batches} batches");
            }
        }
    }
}

/// The error with its code, its causes, and the remedy where it has one.
fn explain(error: &SchemaError) -> String {
    format!("{}: {}", error.code(), with_causes(error))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}
