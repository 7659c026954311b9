//! SQL about users: one statement, one function.

pub mod accounts;
pub(crate) mod erasure;
pub(crate) mod home;
pub mod lease;
pub mod legacy_hash;
pub(crate) mod ownership_notices;
pub mod profiles;
pub mod pushes;
pub(crate) mod revocations;
pub(crate) mod syncs;
pub(crate) mod together;
pub mod users;
pub(crate) mod welcome;
