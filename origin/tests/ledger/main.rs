//! The ledger's guarantees on a real PostgreSQL, a database of its own for every test.
//!
//! `TEST_DATABASE_URL` names a server and a role that may create databases; `cargo xtask test` starts one and sets it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/database.rs"]
mod database;
mod fixture;
mod process;
#[path = "../support/program.rs"]
mod program;

mod api;
mod balances;
mod external_writers;
mod hold_owner;
mod holds;
mod idempotency;
mod storm;
mod transfers;
