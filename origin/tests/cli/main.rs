//! The program from an operator's side: the output of each verb, its stream, and its exit code. A process of its own every time, against a
//! real PostgreSQL with a database of its own for every test.
//!
//! `TEST_DATABASE_URL` names a server and a role that may create databases; `cargo xtask test` starts one and sets it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

#[path = "../schema/support.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of the schema, which use more of it"
)]
mod database;
#[path = "../support/ended.rs"]
mod ended;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/service.rs"]
mod service;
mod support;
#[path = "../support/wait.rs"]
mod wait;

mod backup;
mod configuration;
mod doctor;
mod migrate;
mod no_database;
mod output;
mod serve;
mod signals;
