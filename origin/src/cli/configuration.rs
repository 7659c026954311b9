//! The parts of the configuration that some verbs need alone.

use std::process::ExitCode;

use database::DatabaseConfig;
use shared::assertion::AssertionKeys;
use shared::config::{Faults, Reader};
use shared::token::Environment;

use super::exit;
use crate::config::ListenConfig;

/// The configuration of the database alone, for verbs that need no more.
pub fn database(environment: &dyn shared::config::Lookup) -> Result<DatabaseConfig, Faults> {
    let mut reader = Reader::new(environment);
    let database = DatabaseConfig::read(&mut reader);
    reader.finish(database)
}

/// The same for the assertion keys.
pub fn assertion_keys_alone(environment: &dyn shared::config::Lookup) -> Result<AssertionKeys, Faults> {
    let mut reader = Reader::new(environment);
    let keys = reader.required("ORIGIN_ASSERTION_KEYS", AssertionKeys::parse);
    reader.finish(keys)
}

/// The same for the listening address.
pub fn listen(environment: &dyn shared::config::Lookup) -> Result<ListenConfig, Faults> {
    let mut reader = Reader::new(environment);
    let deployment = Environment::read(&mut reader);
    let listen = ListenConfig::read(&mut reader, deployment);
    reader.finish(Some(listen))
}

pub fn bad_configuration(faults: &Faults) -> ExitCode {
    eprintln!("The configuration is wrong:");
    for fault in &faults.0 {
        eprintln!("  {} {}", fault.name, fault.reason);
    }
    ExitCode::from(exit::USAGE)
}
