//! User imports between a real PostgreSQL and a stand-in of Identity Toolkit that checks imported bcrypt hashes. The commands run as
//! processes of their own, which the tests can kill.
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
#[path = "../support/ended.rs"]
mod ended;
#[path = "../support/program.rs"]
mod program;
mod support;

mod back;
mod erasure;
mod migrate;
mod races;
mod roles;
mod secrets;
mod sync;
mod words;
