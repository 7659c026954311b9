//! `origin users sync`.

use std::process::ExitCode;

use chrono::TimeDelta;
use clap::Args;
use firebase::Firebase;
use shared::ids::FirebaseUid;
use users::AccountError;
use users::administration::{Unnamed, named};
use users::audit::{Actor, RequestSource};
use users::directory::Directory;
use users::firebase_sync::{Round, Synced, Syncing};

use crate::cli::exit;
use crate::cli::reason::with_causes;
use crate::clock;

/// Synchronise rows with their Firebase accounts.
///
/// Without a user and without --stale, this sends pending notifications to Firebase and retries failed rows that are due, as the service
/// itself does.
#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    /// A Firebase uid, or our id of the user; a UUID may be either and is looked up as both
    #[arg(value_name = "UID|ID", value_parser = name, conflicts_with = "stale")]
    user: Option<FirebaseUid>,
    /// All users who were not compared for this long: 90m, 24h, 7d
    #[arg(long, value_name = "AGE", value_parser = age)]
    stale: Option<TimeDelta>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    /// Your name, for the audit trail
    #[arg(long, env = "USER", default_value = "unknown")]
    actor: String,
}

fn name(text: &str) -> Result<FirebaseUid, String> {
    FirebaseUid::parse(text).map_err(|rule| rule.0.to_owned())
}

/// A whole number of minutes, hours or days.
fn age(text: &str) -> Result<TimeDelta, String> {
    let wrong = || "is not a number of minutes, hours or days, such as 90m, 24h or 7d".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let number = text.strip_suffix(unit).unwrap_or_default();
    let number: u32 = number.parse().map_err(|_| wrong())?;
    match unit {
        'm' => TimeDelta::try_minutes(number.into()),
        'h' => TimeDelta::try_hours(number.into()),
        'd' => TimeDelta::try_days(number.into()),
        _ => None,
    }
    .ok_or_else(wrong)
}

/// Synchronises: 0 done, 1 failed or stopped before the end, 2 done but some accounts are gone.
pub(super) async fn run(arguments: SyncArgs, directory: Directory, firebase: Firebase) -> ExitCode {
    let syncing = Syncing {
        directory,
        firebase,
        clock: clock::now,
    };
    match sync(&arguments, &syncing).await {
        Ok(done) => {
            if arguments.json {
                println!("{}", serde_json::json!(done));
            } else {
                println!(
                    "{} up to date, {} accounts are gone, Firebase told of {}",
                    done.synced, done.missing, done.told
                );
            }
            if done.missing == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(exit::SOME)
            }
        }
        Err(error) => {
            eprintln!("{}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// Why the synchronisation did not run or stopped.
#[derive(Debug, thiserror::Error)]
enum NotSynced {
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
    #[error(transparent)]
    Account(#[from] AccountError),
}

async fn sync(arguments: &SyncArgs, syncing: &Syncing) -> Result<Synced, NotSynced> {
    let actor = Actor::cli(&arguments.actor);
    if let Some(name) = &arguments.user {
        let user = named(syncing.directory.pool(), name)
            .await
            .map_err(AccountError::from)??;
        syncing.one(user, &actor, &RequestSource::default()).await?;
        return Ok(Synced {
            synced: 1,
            ..Synced::default()
        });
    }
    if let Some(age) = arguments.stale {
        let now = chrono::DateTime::from_timestamp(clock::now().secs(), 0).unwrap_or_default();
        return Ok(syncing.stale(now - age, &actor).await?);
    }
    match syncing.retry().await? {
        Round::Done(done) => Ok(done),
        Round::Elsewhere => {
            eprintln!("another process is doing that");
            Ok(Synced::default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_needs_a_unit() {
        assert_eq!(age("24h"), Ok(TimeDelta::hours(24)));
        assert_eq!(age("7d"), Ok(TimeDelta::days(7)));
        assert_eq!(age("90m"), Ok(TimeDelta::minutes(90)));
        for wrong in ["", "h", "24", "-1h", "1w", "1.5h", "24é"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
