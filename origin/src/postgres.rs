//! SQL: one statement, one function.

pub mod accounts;
pub mod database;
mod ending;
pub mod erasure;
pub mod events;
mod home;
pub mod leases;
pub mod ledger;
pub mod legacy_hash;
pub mod migrations;
pub mod pool;
pub mod pooler;
pub mod profiles;
pub mod pushes;
pub mod servers;
pub mod standing;
pub mod syncs;
pub mod users;
pub mod welcome;

pub use database::{DatabaseError, open, read, run};
pub(crate) use ending::Ending;
pub use pool::Pool;
