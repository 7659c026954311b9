//! The stand-in legacy service against PostgreSQL, in the tables of a legacy database as its dump restores them: every route's shapes field
//! by field, every quirk, every fault. The edge and the origin are tested against the stand-in, so it must be right itself.
//!
//! `TEST_DATABASE_URL` names a server and a role that may create databases; `cargo xtask test --only stand-in` starts one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod accounts;
mod balance;
mod faults;
mod health;
mod profile;
mod schools;
mod sign_in;
mod support;
