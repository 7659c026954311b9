#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![deny(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::as_conversions
    )
)]

pub mod api;
pub mod assertion;
pub mod autopilot;
pub mod base64url;
pub mod breaker;
pub mod callers;
pub mod causes;
pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod fallback;
pub mod guardrail;
pub mod headers;
pub mod identity;
pub mod ids;
pub mod key_cache;
pub mod limits;
mod mac;
pub mod ownership;
pub mod problem;
pub mod rollout;
pub mod routing;
pub mod service_keys;
pub mod socket_io;
pub mod stage;
pub mod steering;
pub mod step_down;
pub mod target;
pub mod time;
pub mod token;
pub mod trace_context;
pub mod variables;
pub mod web_address;
