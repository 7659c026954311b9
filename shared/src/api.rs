//! Wire types of both contracts.

pub mod envelope;
pub mod ledger;
pub mod token;
pub mod user;
