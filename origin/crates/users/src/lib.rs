//! Users: their rows, their accounts across Firebase and our database, and who may still act.

pub mod accounts;
pub mod administration;
pub mod audit;
pub mod directory;
pub mod erasure;
pub mod firebase_sync;
pub mod ownership_notices;
pub mod passwords;
pub mod proofs;
pub mod revocation_feed;
pub mod rules;
pub mod statements;
pub mod welcome;

mod error;
mod first_sight;
mod legacy_session_config;
mod ownership_notices_config;

pub use error::{AccountError, OperationError};
pub use legacy_session_config::LegacySession;
pub use ownership_notices_config::OwnershipNotices;
