//! Wire types of both contracts.

pub mod envelope;
pub mod token;
pub mod user;
