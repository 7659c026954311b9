//! The service from its callers' side: a real server on a free port, a database of its own for every test.
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
mod emulator;
#[path = "../support/program.rs"]
mod program;
mod support;

mod accounts;
mod administration;
mod arrivals;
mod assertion;
mod changes;
mod dashboards;
mod document;
mod envelopes;
mod exchange;
mod first_sight;
mod issuers;
mod legacy_accounts;
mod legacy_profile;
mod legacy_tokens;
mod linking;
mod operators;
mod outage;
mod standing;
mod tokens;
mod traces;
mod verify_token;
mod welcome;
