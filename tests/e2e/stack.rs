//! The addresses of the running stack, from the variables that `cargo xtask test` sets.

use crate::api::Api;

/// The edge that all tests share.
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

/// A variable with which the stack was started, or the address of one of its parts.
pub fn variable(name: &str) -> String {
    testkit::env::required(name).unwrap_or_else(|fault| {
        panic!(
            "{fault}: these tests speak to a running stack; `cargo xtask test --only end-to-end-rs256` (signed tokens) or \
             `cargo xtask test --only end-to-end` (Auth emulator) brings one up and runs them"
        )
    })
}

/// What `cargo xtask` prints. It runs on a thread of its own: what it asks may be served on this one.
pub async fn xtask(arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(variable("E2E_XTASK"));
    command.args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}
