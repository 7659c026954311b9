//! SQL about users: one statement, one function.

pub mod accounts;
pub mod erasure;
pub mod home;
pub mod lease;
pub mod legacy_hash;
pub mod ownership_notices;
pub mod profiles;
pub mod pushes;
pub mod revocations;
pub mod syncs;
pub mod users;
pub mod welcome;
