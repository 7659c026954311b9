//! SQL: one statement, one function.

pub mod accounts;
pub mod database;
pub mod events;
pub mod ledger;
pub mod legacy_hash;
pub mod migrations;
pub mod pool;
pub mod profiles;
pub mod pushes;
pub mod standing;
pub mod syncs;
pub mod users;

pub(crate) use database::discard_dead;
pub use database::{DatabaseError, open, run};
pub use pool::Pool;
