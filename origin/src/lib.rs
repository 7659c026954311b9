//! The service on PostgreSQL: users, ledger, federation, migration.

pub mod cli;
pub mod schema;
pub mod domain;
pub mod operations;
pub mod postgres;
