//! What the service can do: one use case, one file.

pub mod migration;
