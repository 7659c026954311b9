//! Where the running stack is, from the variables that `cargo xtask test` sets.

use crate::api::Api;

/// The edge everybody shares.
pub fn edge() -> Api {
    Api::at(&variable("E2E_EDGE"))
}

/// The origin, past the edge.
pub fn origin() -> Api {
    Api::at(&variable("E2E_ORIGIN"))
}

/// The stand-in legacy service, past the edge.
pub fn legacy() -> Api {
    Api::at(&variable("E2E_LEGACY"))
}

/// The Firebase project.
pub fn project() -> String {
    variable("E2E_PROJECT")
}

/// What the stack was started with or where a part of it listens.
pub fn variable(name: &str) -> String {
    testkit::env::required(name).unwrap_or_else(|fault| {
        panic!(
            "{fault}: these tests speak to a running stack; `cargo xtask test --only end-to-end-rs256` (signed tokens) or \
             `cargo xtask test --only end-to-end` (Auth emulator) brings one up and runs them"
        )
    })
}
