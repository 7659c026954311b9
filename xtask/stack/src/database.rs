//! Starting the database.

use std::sync::Arc;

use super::guard::Guard;
use super::plan::{Database, Issuer, Plan};
use super::ports::Ports;
use super::postgres::{Durability, Postgres};
use super::secrets::Secrets;
use super::service::Service;
use crate::console;
use crate::fault::Done;

/// A database, and its server if it is ours.
#[derive(Debug)]
pub struct StartedDatabase {
    pub url: String,
    pub server: Option<(Postgres, Service)>,
}

/// Starts it, or takes whose address was given.
pub fn start(guard: &Arc<Guard>, plan: &Plan, ports: &mut Ports, secrets: &Secrets) -> Done<StartedDatabase> {
    let (name, durability, fresh) = match &plan.database {
        Database::Yours(url) => {
            return Ok(StartedDatabase {
                url: url.clone(),
                server: None,
            });
        }
        Database::Kept { fresh } => ("postgres".to_owned(), Durability::Kept, *fresh),
        Database::ThrowAway => (
            format!("postgres-{}", std::process::id()),
            Durability::Careless,
            true,
        ),
    };
    let port = ports.take("PostgreSQL", 5432)?;
    let (server, service) = console::step(&format!("PostgreSQL on 127.0.0.1:{port}"), || {
        let server = Postgres::prepare(&name, port, &secrets.database_password, durability, fresh)?;
        let service = server.start(guard)?;
        Ok(Started(server, service))
    })?
    .into();
    Ok(StartedDatabase {
        url: server.url("postgres"),
        server: Some((server, service)),
    })
}

#[derive(Debug)]
struct Started(Postgres, Service);

impl console::StepResult for Started {}

impl From<Started> for (Postgres, Service) {
    fn from(started: Started) -> Self {
        (started.0, started.1)
    }
}

/// A server for tests alone, started with `start`.
pub fn for_tests() -> Done<(String, impl Drop)> {
    let guard = Arc::new(Guard::start(None)?);
    let mut ports = Ports::any();
    let plan = Plan::throw_away(Issuer::Emulator);
    let database = start(&guard, &plan, &mut ports, &Secrets::make()?)?;
    Ok((database.url.clone(), TestDatabase(database)))
}

/// Ended and removed with the value.
#[derive(Debug)]
pub struct TestDatabase(pub StartedDatabase);

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some((server, service)) = &mut self.0.server {
            service.stop();
            server.remove();
        }
    }
}
