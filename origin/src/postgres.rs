//! SQL: one statement, one function.

pub mod accounts;
pub mod erasure;
pub mod events;
pub mod home;
pub mod legacy_hash;
pub mod migrations;
pub mod profiles;
pub mod pushes;
pub mod standing;
pub mod syncs;
pub mod users;
pub mod welcome;
