//! Wire types of both contracts.

pub mod changes;
pub mod envelope;
pub mod ledger;
pub mod token;
pub mod user;
