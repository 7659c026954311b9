//! `origin users export` and `erase`.

use clap::Args;
use database::Pool;
use firebase::Firebase;
use shared::config::Lookup;
use shared::ids::UserId;
use users::AccountError;
use users::audit::Actor;
use users::erasure;
use users::erasure::Erased;

use super::record::user_id;
use crate::clock;
use crate::config::BulkConfig;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Our id of the user
    #[arg(value_name = "ID", value_parser = user_id)]
    id: UserId,
}

#[derive(Debug, Args)]
pub(super) struct EraseArgs {
    /// Our id of the user
    #[arg(value_name = "ID", value_parser = user_id)]
    id: UserId,
    /// Confirm: nothing brings the data back
    #[arg(long, required = true)]
    yes: bool,
    /// Your name, for the audit trail
    #[arg(long, env = "USER", default_value = "unknown")]
    actor: String,
}

/// Answers all data of a user as JSON.
pub(super) async fn export(
    pool: &Pool,
    arguments: &ExportArgs,
    lookup: &dyn Lookup,
) -> Result<String, AccountError> {
    let firebase = firebase(lookup);
    if firebase.is_none() {
        eprintln!("Firebase is not configured here: the account there is not looked at.");
    }
    let everything = erasure::export(pool, firebase.as_ref(), arguments.id).await?;
    Ok(format!("{everything:#}\n"))
}

/// Erases a user's data, or continues an erasure.
pub(super) async fn erase(
    pool: &Pool,
    arguments: &EraseArgs,
    lookup: &dyn Lookup,
) -> Result<String, AccountError> {
    let actor = Actor::cli(&arguments.actor);
    let erased = erasure::erase(pool, firebase(lookup).as_ref(), arguments.id, &actor).await?;
    Ok(match erased {
        Erased::Now => "Erased. The ledger stays, under the id alone.\n".to_owned(),
        Erased::Before => "There was nothing left to erase.\n".to_owned(),
    })
}

fn firebase(lookup: &dyn Lookup) -> Option<Firebase> {
    let config = BulkConfig::read(lookup).ok()?;
    Firebase::new(&config.firebase, clock::now).ok()
}
