//! The PostgreSQL server of the measurement, and its users.

use std::sync::Arc;
use std::time::Duration;

use stack::console;
use stack::fault::Done;
use stack::guard::Guard;
use stack::ports::Ports;
use stack::postgres::{Durability, Postgres};
use stack::service::Service;

use super::STEP;
use crate::cpu;

/// On this machine only, and gone afterwards.
pub const PASSWORD: &str = "bench";

/// The id of user `number`.
pub fn user_id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// The uid of user `number`.
pub fn uid(number: u64) -> String {
    (1_000_000_000_000_000_000 + number).to_string()
}

/// [`user_id`] as an SQL expression of `number`.
pub fn user_id_sql(number: &str) -> String {
    format!("('00000000-0000-4000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid")
}

/// Whether the databases outlive a run.
#[derive(Debug, clap::Args)]
pub struct Keep {
    /// Keeps the databases under this name, and finds them there the next time instead of filling them again. `rm -r .dev/NAME`
    /// removes them.
    #[arg(long = "keep", value_name = "NAME")]
    name: Option<String>,
    /// Fills the databases and measures nothing.
    #[arg(long, requires = "name")]
    pub fill: bool,
}

/// A running server of our own, removed with its data in the end unless they are to be kept.
pub struct Server {
    postgres: Postgres,
    pub keeps: bool,
    service: Service,
    pub port: u16,
}

impl console::StepResult for Server {}

impl Server {
    /// Starts one that waits for the disk as a server in production does.
    /// Its data are those of an earlier run that kept them, if there was one.
    pub fn start(guard: &Arc<Guard>, keep: &Keep) -> Done<Self> {
        let kept = keep.name.as_deref();
        let port = Ports::any().take(STEP, 0)?;
        let name = kept.map_or_else(|| format!("bench-postgres-{}", std::process::id()), str::to_owned);
        let postgres = Postgres::prepare(&name, port, PASSWORD, Durability::Kept, kept.is_none())?;
        let service = postgres.start(guard)?;
        Ok(Self {
            postgres,
            keeps: kept.is_some(),
            service,
            port,
        })
    }

    /// The URL of its database `name`.
    pub fn url(&self, name: &str) -> String {
        self.postgres.url(name)
    }

    /// Processor time used so far, by all its processes.
    pub fn cpu(&self) -> Duration {
        cpu::used_by_family(self.service.pid())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.service.stop();
        if !self.keeps {
            self.postgres.remove();
        }
    }
}
