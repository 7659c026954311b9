//! `origin users deactivate` and `activate`.

use clap::Args;
use database::{Pool, run as run_statement};
use firebase::Firebase;
use firebase::issuer::Issuer;
use shared::config::Lookup;
use shared::ids::UserId;
use users::OperationError;
use users::administration;
use users::audit::{Actor, RequestSource};
use users::directory::Directory;
use users::firebase_sync::Syncing;
use users::firebase_sync::push::Notified;
use users::statements::pushes;

use super::record::{describe, user_id};
use crate::clock;
use crate::config::BulkConfig;

#[derive(Debug, Args)]
pub(super) struct Whom {
    /// Our id of the user
    #[arg(value_name = "ID", value_parser = user_id)]
    id: UserId,
    /// Your name, for the audit trail
    #[arg(long, env = "USER", default_value = "unknown")]
    actor: String,
}

/// Deactivates or activates. The row decides, and this succeeds even if Firebase fails; a pending notification is reported on standard
/// error, and the running service sends it.
pub(super) async fn set(
    pool: &Pool,
    whom: Whom,
    active: bool,
    lookup: &dyn Lookup,
) -> Result<String, OperationError> {
    let actor = Actor::cli(&whom.actor);
    let record = administration::set_active(pool, whom.id, active, &actor, &RequestSource::default()).await?;
    match firebase(lookup) {
        Some((firebase, home)) => {
            let syncing = Syncing {
                directory: Directory::new(pool.clone(), Some(home)),
                firebase,
                clock: clock::now,
            };
            match syncing.notify(whom.id).await {
                Ok(Notified::Yes) => {}
                Ok(Notified::Pending) => eprintln!("Another process is notifying Firebase."),
                Err(error) => {
                    eprintln!("Firebase does not know yet ({error}): the running service tells it.");
                }
            }
        }
        None => {
            let owed = run_statement(pool, |mut connection| async move {
                pushes::is_pending(&mut connection, whom.id).await
            });
            if owed.await? {
                eprintln!("Firebase is not configured here: the running service tells it.");
            }
        }
    }
    Ok(describe(&record))
}

/// Firebase's account services, where this environment configures them. Deactivation must not fail without them.
fn firebase(lookup: &dyn Lookup) -> Option<(Firebase, Issuer)> {
    let config = BulkConfig::read(lookup).ok()?.firebase;
    Some((Firebase::new(&config, clock::now).ok()?, config.home))
}
