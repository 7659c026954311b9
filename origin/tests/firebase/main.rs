//! Accounts and migration against a stand-in of Google's account services that acts like production: it checks bcrypt and signs tokens,
//! revocation counts, and calls fail on demand. A database and a stand-in of its own for every test.
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
mod door;
mod google;
mod keyless;
mod legacy_sessions;
#[path = "../support/redis.rs"]
mod redis;
#[path = "../api/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the API, which use more of it")]
mod support;
#[path = "../support/wait.rs"]
mod wait;

mod addresses;
mod both_sides;
mod calls;
mod definite;
mod enumeration;
mod erased_meanwhile;
mod errors;
mod exchange;
mod guesses;
mod load;
mod mails;
mod migration;
mod outage;
mod ownership;
mod ownership_notices;
mod ownership_parties;
mod ownership_price;
mod ownership_table;
mod policy;
mod pushes;
mod registration;
mod replicas;
mod second_factor;
mod service_account;
mod sessions;
mod taken_addresses;
mod tenants;
