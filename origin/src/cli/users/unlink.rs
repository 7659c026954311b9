//! `origin users unlink`.

use std::process::ExitCode;

use clap::Args;
use database::Pool;
use firebase::Firebase;
use shared::ids::UserId;
use user_import::{ImportError, Pace, Unlinked, Unlinking, Whom};
use users::audit::Actor;

use super::progress::ProgressBar;
use super::record::user_id;
use crate::cli::reason::{counted, with_causes};

/// Make users local again.
///
/// The password that they had at their move counts again: a later one at Firebase is lost. Their sign-ins are voided. Their Firebase
/// accounts are deleted, to allow another import, unless --keep-accounts is given; a kept account links again when its owner signs in with
/// a verified address.
#[derive(Debug, Args)]
pub(super) struct UnlinkArgs {
    /// Our id of the user
    #[arg(value_name = "USER", value_parser = user_id, required_unless_present = "all_migrated", conflicts_with = "all_migrated")]
    user: Option<UserId>,
    /// All users whom a sign-in or a user import moved
    #[arg(long)]
    all_migrated: bool,
    /// Print how many it would be, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave the Firebase accounts as they are
    #[arg(long)]
    keep_accounts: bool,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    /// Calls to Firebase a second; it deletes ten accounts a second at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// Your name, for the audit trail
    #[arg(long, env = "USER", default_value = "unknown")]
    actor: String,
}

/// Unlinks: 0 done, 1 failed, or stopped before the end; another run continues.
pub(super) async fn run(arguments: UnlinkArgs, pool: Pool, firebase: Firebase) -> ExitCode {
    let unlinking = Unlinking::new(
        pool,
        firebase,
        Pace::per_second(arguments.rate),
        Actor::cli(&arguments.actor),
    );
    let whom = arguments.user.map_or(Whom::AllImported, Whom::One);
    let counts = async {
        let count = unlinking.count(whom).await?;
        // A run with --keep-accounts ignores accounts that other runs must delete; a run that deletes finds them by itself.
        let owed = match arguments.dry_run && !arguments.keep_accounts {
            true => unlinking.owed(whom).await?,
            false => 0,
        };
        Ok::<_, ImportError>((
            u64::try_from(count).unwrap_or(0),
            usize::try_from(owed).unwrap_or(0),
        ))
    };
    let (count, owed) = match counts.await {
        Ok(counts) => counts,
        Err(error) => {
            eprintln!("{}", with_causes(&error));
            return ExitCode::FAILURE;
        }
    };
    let mut done = Unlinked::default();
    let mut stopped = None;
    if !arguments.dry_run {
        let mut bar = ProgressBar::new(count);
        let mut waiting = 0;
        stopped = unlinking
            .run(whom, arguments.keep_accounts, &mut done, &mut |done, others| {
                if others == 0 {
                    bar.show(done.unlinked, 0);
                } else if others != waiting {
                    bar.say(&format!(
                        "waiting: {} to be deleted by another run, or one that broke off",
                        counted(usize::try_from(others).unwrap_or(0), "account")
                    ));
                }
                waiting = others;
            })
            .await
            .err();
        bar.finish();
    }
    let (dry_run, unlinked, deleted) = (arguments.dry_run, done.unlinked, done.deleted);
    if arguments.json {
        let stopped = stopped.as_ref().map(|error| with_causes(error));
        println!(
            "{}",
            serde_json::json!({
                "found": count, "owed": dry_run.then_some(owed), "dry_run": dry_run, "unlinked": unlinked, "deleted": deleted, "stopped": stopped,
            })
        );
    } else if dry_run {
        println!("{count} users would be unlinked.");
        if owed > 0 {
            println!("{} of earlier runs would be deleted.", counted(owed, "account"));
        }
    } else {
        println!("{unlinked} users unlinked, {deleted} accounts deleted.");
    }
    if let Some(error) = stopped {
        eprintln!("stopped: {}", with_causes(&error));
        eprintln!("What is done is kept. Run the same command again to go on.");
        return ExitCode::FAILURE;
    }
    if arguments.user.is_some() && count == 0 && owed == 0 && deleted == 0 {
        eprintln!("No migration has linked this user.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
