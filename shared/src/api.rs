//! Wire types of both contracts.

pub mod changes;
pub mod envelope;
pub mod ledger;
pub mod second_factor;
pub mod token;
pub mod user;
