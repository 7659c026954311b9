//! Rules and types of the service: no SQL, no HTTP, no clock.

pub mod migration;
