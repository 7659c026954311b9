//! A part of the stack, for what happens between the origin and Google: PostgreSQL, the stand-in of Google's account services, and an
//! origin. No edge, so nothing is compiled to wasm.

use std::sync::Arc;
use std::time::Duration;

use super::database::{self, TestDatabase};
use super::guard::Guard;
use super::issuer::PROJECT;
use super::ports::{Ports, local};
use super::secrets::Secrets;
use super::service::Service;
use super::{Issuer, Plan, programs};
use crate::fault::{Done, Fault, In as _};
use crate::http::Client;
use crate::tools::npm;
use crate::{console, paths};

/// A running part of the stack; everything ends when this is dropped.
#[derive(Debug)]
pub struct AccountStack {
    /// The origin's address.
    pub origin: String,
    /// The stand-in's.
    pub google: String,
    /// The database's URL.
    pub database: String,
    /// What the origin's own commands are told.
    pub variables: Vec<(String, String)>,
    // Ended in this order: who calls before who is called.
    _origin: Service,
    _google: Service,
    _database: TestDatabase,
}

impl AccountStack {
    /// Compiles what is missing, then starts everything on free ports, with an empty database that is gone afterwards.
    pub fn up() -> Done<Self> {
        console::step("npm tools", npm::ensure_for_stack)?;
        let guard = Arc::new(Guard::start(None)?);
        let secrets = Secrets::make()?;
        let mut ports = Ports::any();
        let plan = Plan::throw_away(Issuer::KeyServer);
        let started = database::start(&guard, &plan, &mut ports, &secrets)?;
        let (database, server) = (started.url.clone(), TestDatabase(started));
        console::step("compile the origin and the stand-ins", programs::build)?;
        console::step("migrate the schema", || programs::migrate(&database))?;
        let google_port = ports.take("identity toolkit", 9097)?;
        let google = console::step("stand-in of Google's account services", || {
            programs::identity_toolkit(&guard, google_port, PROJECT)
        })?;
        let mut variables = told_by(&local(google_port))?;
        variables.extend(
            [
                ("ENVIRONMENT", "development"),
                ("DATABASE_URL", &database),
                ("DB_POOL_ACQUIRE_MS", "10000"),
                ("ORIGIN_ASSERTION_KEYS", &secrets.assertion_keys()),
                ("LEGACY_JWT_SECRETS", &secrets.legacy_jwt),
                ("LOG_LEVEL", "warn"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let origin_port = ports.take("origin", 3008)?;
        let borrowed: Vec<(&str, String)> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        let origin = console::step("origin", || programs::origin(&guard, origin_port, &borrowed))?;
        Ok(Self {
            origin: local(origin_port),
            google: local(google_port),
            database,
            variables,
            _origin: origin,
            _google: google,
            _database: server,
        })
    }

    /// The origin's own program with what it has to be told.
    pub fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(paths::debug_binary("origin"));
        command
            .args(words)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir("/");
        command
    }
}

/// What the stand-in at `google` says the origin has to be told.
pub(super) fn told_by(google: &str) -> Done<Vec<(String, String)>> {
    const STEP: &str = "stand-in of Google's account services";
    let answer = Client::new(Duration::from_secs(10))
        .get(&format!("{google}/variables"), &[])
        .in_step(STEP)?
        .json();
    let told = answer
        .as_object()
        .ok_or_else(|| Fault::new(STEP, "says nothing"))?;
    Ok(told
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect())
}
