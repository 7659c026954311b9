//! What the service can do: one use case, one file.

pub mod accounts;
pub mod directory;
pub mod ensure_user;
pub mod erasure;
pub mod error;
pub mod migration;
pub mod passwords;
pub mod proofs;
pub mod pushes;
pub mod standing;
pub mod sync;
pub mod users;
pub mod welcome;

pub use error::OperationError;
