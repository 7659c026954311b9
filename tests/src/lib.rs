//! What the tests stand on: keys, tokens, a key server that can misbehave, and a stand-in for the legacy service.
//!
//! Nothing here depends on the code under test.

pub mod env;
pub mod key_server;
pub mod keys;
pub mod legacy;
pub mod serve;
pub mod tokens;
