//! The tools of the tests: keys, tokens, a key server, a network that can misbehave, a service that breaks HTTP on purpose, a recorder of
//! received requests, HTTP byte by byte, Cloudflare's normalisation, and stand-ins for the legacy service and for Google's account
//! services.
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
