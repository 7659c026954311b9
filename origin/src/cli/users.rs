//! `origin users`: users from the command line.

mod erasure;
mod migrate;
mod progress;
mod record;
mod roles;
mod standing;
mod sync;
mod unlink;
mod verify;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use database::{Pool, run as run_statement};
use firebase::Firebase;
use shared::config::{Faults, Lookup};
use shared::ids::{FirebaseUid, NormalizedEmail, UserId};
use users::AccountError;
use users::OperationError;
use users::administration;
use users::audit::Event;
use users::directory::Directory;
use users::statements;

use super::reach::reach;
use super::reason::with_causes;
use crate::clock;
use crate::config::BulkConfig;
use record::{describe, user_id};

/// Users: show, find, deactivate, activate, bring to Firebase.
#[derive(Debug, Args)]
pub struct UsersArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    One(OneUser),
    #[command(flatten)]
    Many(ManyUsers),
}

#[derive(Debug, Subcommand)]
enum ManyUsers {
    /// Bring users to Firebase with their passwords; may be killed and run again at any moment, and by several at once
    Migrate(migrate::MigrateArgs),
    /// Compare all rows with all Firebase accounts; exits 2 and names the differences when there are any
    Verify(verify::VerifyArgs),
    /// Bring rows up to date with their Firebase accounts
    Sync(sync::SyncArgs),
    /// Make moved users local again
    Unlink(unlink::UnlinkArgs),
}

#[derive(Debug, Subcommand)]
enum OneUser {
    /// Show a user and their latest audit events
    Show {
        /// Our id of the user
        #[arg(value_name = "ID", value_parser = user_id)]
        id: UserId,
    },
    /// Find a user by e-mail address (any case), Firebase uid or id; exits 1 when there is none
    Find {
        /// The address, uid or id
        #[arg(value_name = "EMAIL|UID|ID")]
        what: String,
    },
    /// Deactivate a user, at once and everywhere, Firebase included; voids their tokens
    Deactivate {
        #[command(flatten)]
        whom: standing::Whom,
    },
    /// Activate a user again, at Firebase too
    Activate {
        #[command(flatten)]
        whom: standing::Whom,
    },
    /// Notify Firebase of every user's role, once FIREBASE_USER_TYPE_CLAIM is set
    Roles,
    /// Print all stored data of a user, as JSON
    Export(erasure::ExportArgs),
    /// Erase a user's data, here and at Firebase; the ledger stays, without the user. May be interrupted and repeated
    Erase(erasure::EraseArgs),
}

/// Runs the command and answers the exit code: 0 done, 1 failed (the reason is on standard error), 2 done but not for all users.
///
/// # Errors
/// [`Faults`] of the configuration that this command needs.
pub async fn run(arguments: UsersArgs, lookup: &dyn Lookup) -> Result<ExitCode, Faults> {
    let done = match arguments.command {
        Command::One(command) => {
            let database = super::configuration::database(lookup)?;
            match reach(&database).await {
                Ok(pool) => Ok(one(command, &pool, lookup).await),
                Err(code) => Err(code),
            }
        }
        Command::Many(command) => many(command, BulkConfig::read(lookup)?).await,
    };
    Ok(done.unwrap_or_else(|code| code))
}

async fn many(command: ManyUsers, config: BulkConfig) -> Result<ExitCode, ExitCode> {
    let firebase = Firebase::new(&config.firebase, clock::now).map_err(|error| {
        eprintln!("{}", with_causes(&error));
        ExitCode::FAILURE
    })?;
    let pool = reach(&config.database).await?;
    let directory = Directory::new(pool.clone(), Some(config.firebase.home));
    Ok(match command {
        ManyUsers::Migrate(arguments) => {
            let group = config.rollout_group;
            migrate::run(arguments, directory, firebase, (group, config.bcrypt_max_cost)).await
        }
        ManyUsers::Verify(arguments) => verify::run(arguments, directory, firebase).await,
        ManyUsers::Sync(arguments) => sync::run(arguments, directory, firebase).await,
        ManyUsers::Unlink(arguments) => unlink::run(arguments, pool, firebase).await,
    })
}

async fn one(command: OneUser, pool: &Pool, lookup: &dyn Lookup) -> ExitCode {
    let outcome: Result<String, AccountError> = match command {
        OneUser::Show { id } => show(pool, id).await.map_err(AccountError::from),
        OneUser::Find { what } => find(pool, &what).await.map_err(AccountError::from),
        OneUser::Deactivate { whom } => standing::set(pool, whom, false, lookup)
            .await
            .map_err(AccountError::from),
        OneUser::Activate { whom } => standing::set(pool, whom, true, lookup)
            .await
            .map_err(AccountError::from),
        OneUser::Roles => roles::tell(pool).await.map_err(AccountError::from),
        OneUser::Export(arguments) => erasure::export(pool, &arguments, lookup).await,
        OneUser::Erase(arguments) => erasure::erase(pool, &arguments, lookup).await,
    };
    match outcome {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

async fn show(pool: &Pool, id: UserId) -> Result<String, OperationError> {
    let record = administration::show(pool, id).await?;
    let events = administration::trail(pool, id, None).await?;
    Ok(format!(
        "{}{}",
        describe(&record),
        events.iter().map(line).collect::<String>()
    ))
}

/// An id or an address names one user; a uid may name several, since two projects may have given it out.
async fn find(pool: &Pool, what: &str) -> Result<String, OperationError> {
    let found = if let Ok(id) = UserId::parse(what) {
        run_statement(pool, |mut connection| async move {
            statements::users::find_by_id(&mut connection, id).await
        })
        .await?
    } else if let Ok(email) = NormalizedEmail::parse(what) {
        let email = &email;
        run_statement(pool, |mut connection| async move {
            statements::users::find_by_email(&mut connection, email).await
        })
        .await?
    } else {
        None
    };
    let found = match (found, FirebaseUid::parse(what)) {
        (None, Ok(uid)) => {
            let uids = &[uid.as_str().to_owned()];
            run_statement(pool, |mut connection| async move {
                statements::users::find_by_firebase_uids(&mut connection, uids).await
            })
            .await?
        }
        (found, _) => found.into_iter().collect(),
    };
    if found.is_empty() {
        return Err(users::rules::user::UserError::NotFound.into());
    }
    let described: Vec<String> = found.iter().map(describe).collect();
    Ok(described.join("\n"))
}

fn line(event: &Event) -> String {
    let from = event.source_ip.as_deref().unwrap_or("-");
    format!(
        "{}  {:20} {:20} {from}\n",
        event.at.format("%Y-%m-%d %H:%M:%S"),
        event.kind,
        event.actor
    )
}
