//! The PostgreSQL server of the measurement, and its users.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use stack::console;
use stack::fault::{Done, In as _};
use stack::guard::Guard;
use stack::postgres::{Durability, Postgres};
use stack::service::Service;

use super::STEP;
use super::pgbench::Pgbench;
use super::services;
use crate::cpu;

/// On this machine only, and gone afterwards.
pub const PASSWORD: &str = "bench";

/// The id of user `number`.
pub fn person_id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// The same as an SQL expression of `number`.
pub fn person_id_sql(number: &str) -> String {
    format!("('00000000-0000-4000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid")
}

/// A running server of our own, removed with its data in the end unless they are to be kept.
pub struct Server {
    postgres: Postgres,
    keeps: bool,
    service: Service,
    pub port: u16,
}

impl console::StepResult for Server {}

impl Server {
    /// Starts one that waits for the disk as a server in production does.
    /// Its data are those of an earlier run that kept them as `keep`, if there was one.
    pub fn start(guard: &Arc<Guard>, keep: Option<&str>) -> Done<Self> {
        let port = free_port()?;
        let name = keep.map_or_else(|| format!("bench-postgres-{}", std::process::id()), str::to_owned);
        let postgres = Postgres::prepare(&name, port, PASSWORD, Durability::Kept, keep.is_none())?;
        let service = postgres.start(guard)?;
        Ok(Self {
            postgres,
            keeps: keep.is_some(),
            service,
            port,
        })
    }

    /// Makes a database with `users` users, unless there is one, and answers its URL.
    pub fn fill(&self, pgbench: &Pgbench, users: u32) -> Done<String> {
        let name = format!("people_{users}");
        let is_filled = || pgbench.execute(self.port, &name, "SELECT FROM public.bench_filled");
        if self.keeps && is_filled().is_ok() {
            return Ok(self.postgres.url(&name));
        }
        pgbench.execute(self.port, "postgres", &format!("DROP DATABASE IF EXISTS {name}"))?;
        pgbench.execute(self.port, "postgres", &format!("CREATE DATABASE {name}"))?;
        let url = self.postgres.url(&name);
        services::migrate(&url)?;
        pgbench.execute(
            self.port,
            &name,
            &format!(
                "INSERT INTO auth.users \
                     (id, firebase_uid, email, email_verified, display_name, auth_provider, last_login) \
                 SELECT {}, (1000000000000000000 + n)::text, n || '@bench.example', true, 'Person ' || n, 'firebase', now() \
                 FROM generate_series(1, {users}) AS n",
                person_id_sql("n")
            ),
        )?;
        pgbench.execute(self.port, &name, "VACUUM ANALYZE auth.users")?;
        pgbench.execute(self.port, &name, "CREATE TABLE public.bench_filled ()")?;
        pgbench.execute(self.port, &name, "CHECKPOINT")?;
        Ok(url)
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

/// A port nobody listens on.
pub fn free_port() -> Done<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).in_step(STEP)?;
    Ok(listener.local_addr().in_step(STEP)?.port())
}
