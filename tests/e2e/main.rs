//! The whole stack by URL: the edge in the Workers runtime, the origin, PostgreSQL, the stand-in legacy service and an issuer.
//!
//! `cargo xtask test --only end-to-end-rs256` brings up a stack with a key server as issuer and runs [`signed`]; `--only end-to-end` brings
//! up one with the Auth emulator and runs [`emulator`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod answer;
mod api;
mod edges;
mod emulator;
mod puppet;
mod raw;
mod signed;
mod stack;
mod users;
