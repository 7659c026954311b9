//! The origin without an edge before it: PostgreSQL, the Auth emulator and the service.

use std::sync::Arc;

use super::database::{self, TestDatabase};
use super::guard::Guard;
use super::ports::{Ports, local};
use super::secrets::Secrets;
use super::service::Service;
use super::{Issuer, Plan, issuer, programs, variables};
use crate::console;
use crate::fault::{Done, Fault};
use crate::tools::npm;

/// A running origin with what it needs, on free ports; everything ends when this is dropped.
#[derive(Debug)]
pub struct OriginAlone {
    /// Where the origin answers.
    pub origin: String,
    /// Where the Auth emulator answers.
    pub emulator: String,
    /// The key of a service that may administer.
    pub service_key: String,
    // Ended in this order: who calls before who is called.
    _origin: Service,
    _emulator: Option<Service>,
    _database: TestDatabase,
}

impl OriginAlone {
    /// Compiles and starts it against a database that is gone afterwards.
    pub fn up() -> Done<Self> {
        console::step("npm tools", npm::ensure_for_stack)?;
        let guard = Arc::new(Guard::start(None)?);
        let secrets = Secrets::make()?;
        let mut ports = Ports::any();
        let plan = Plan::throw_away(Issuer::Emulator);
        let mut issuer = issuer::start(&guard, &plan, &mut ports)?;
        let database = TestDatabase(database::start(&guard, &plan, &mut ports, &secrets)?);
        console::step("compile the origin and the stand-ins", programs::build)?;
        console::step("migrate", || programs::migrate(&database.0.url))?;
        issuer.wait()?;
        let port = ports.take("origin", 3008)?;
        let variables = variables::origin(&plan, &database.0.url, &secrets, &issuer.variables);
        let origin = console::step(&format!("origin on {}", local(port)), || {
            programs::origin(&guard, port, &variables)
        })?;
        Ok(Self {
            origin: local(port),
            emulator: issuer
                .emulator
                .ok_or_else(|| Fault::new("Auth emulator", "it was not started"))?,
            service_key: secrets.service,
            _origin: origin,
            _emulator: issuer.service,
            _database: database,
        })
    }
}
