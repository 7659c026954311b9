//! The service on PostgreSQL: users, ledger, federation, migration.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
mod connections;
pub mod http;
pub mod metrics;
pub mod server;
pub mod telemetry;
