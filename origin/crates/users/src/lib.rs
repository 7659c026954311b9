//! Users: their rows, their accounts across Firebase and our database, and who may still act.

pub mod accounts;
pub mod administration;
pub mod audit;
pub mod directory;
pub mod erasure;
pub mod firebase_sync;
pub mod passwords;
pub mod proofs;
pub mod revocation_feed;
pub mod rules;
pub mod statements;
pub mod welcome;

mod error;
mod first_sight;
mod legacy_session_config;

pub use error::{AccountError, OperationError};
pub use legacy_session_config::LegacySession;
