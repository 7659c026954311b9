//! The schema against a real PostgreSQL, a database of its own for every test.
//!
//! `TEST_DATABASE_URL` names a server and a role that may create databases and roles; `cargo xtask test` starts one and sets it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod adoption;
mod backup;
mod concurrency;
mod earlier_attempt;
mod events;
mod fitness;
mod ledger;
mod round_trip;
#[path = "../support/server.rs"]
mod server;
mod silence;
mod support;
mod users;
mod verify;
#[path = "../support/wait.rs"]
mod wait;
