//! The real program during failures around it: no free connection, slow statements, a restarted database, conflicts, the stop signal. The
//! ledger's tests show that a killed program loses and doubles nothing (`../ledger/storm.rs`).
//!
//! Besides `TEST_DATABASE_URL`, `TEST_POSTGRES_PROGRAMS` names the folder of `initdb` and `postgres`: a test restarts only its own server.
//! `cargo xtask test` sets both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/database.rs"]
mod database;
#[path = "../support/pgbouncer.rs"]
mod pgbouncer;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/service.rs"]
mod service;
mod support;
#[path = "../support/wait.rs"]
mod wait;

mod conflicts;
mod drain;
mod lost;
mod pool;
mod poolers;
mod replica;
mod restart;
mod silence;
mod statements;
