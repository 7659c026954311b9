//! What the tests stand on: keys, tokens, a key server and a network that can misbehave, a service that breaks HTTP on purpose, a recorder of
//! what arrives, HTTP byte by byte and what Cloudflare's network does to it, and stand-ins for the legacy service and for Google's
//! account services.
//!
//! Nothing here depends on the code under test.

pub mod env;
pub mod faulty_proxy;
pub mod front;
pub mod identity_toolkit;
pub mod key_server;
pub mod keys;
pub mod legacy;
pub mod recorder;
pub mod rude;
pub mod serve;
pub mod tokens;
pub mod wire;
