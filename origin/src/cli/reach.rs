//! Checks the database before a verb that needs it begins.

use std::process::ExitCode;

use database::DatabaseConfig;
use database::Pool;
use schema::SchemaError;
use schema::status::{self, State};

use super::reason::{counted, with_causes};

/// A pool of the database, if that answers: otherwise a pool retries until its time is up, and then no longer knows the reason. An outdated
/// schema is only reported: the deactivation of a user must not wait for a migration.
///
/// # Errors
/// The exit code, once the reason is printed.
pub(super) async fn reach(config: &DatabaseConfig) -> Result<Pool, ExitCode> {
    let found = match config.servers.connect().await {
        Ok(mut connection) => status::read_on(&mut connection).await,
        Err(error) => Err(SchemaError::Connect(error)),
    };
    match found {
        Ok(found) => {
            let pending = found.count(State::Pending);
            if pending > 0 {
                eprintln!(
                    "{} pending. Should this fail, bring the schema up with: origin migrate up",
                    counted(pending, "migration")
                );
            }
        }
        Err(error @ SchemaError::Connect(_)) => {
            eprintln!("{}: {}", error.code(), with_causes(&error));
            return Err(ExitCode::FAILURE);
        }
        // A role that may not read the migrations may still do the verb's own work.
        Err(_) => {}
    }
    Ok(database::open(config))
}
