//! Rules and types of users: no SQL, no HTTP, no clock.

pub mod bcrypt_hash;
pub mod credentials;
pub mod importable;
pub mod profile;
pub mod sign_in;
pub mod user;
pub mod welcome;
