//! Rules and types of the service: no SQL, no HTTP, no clock.

pub mod bcrypt_hash;
pub mod credentials;
pub mod migration;
pub mod profile;
pub mod sign_in;
pub mod user;
pub mod welcome;
