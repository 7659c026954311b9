//! The end-to-end suite: a stack of its own, one user's way through it, then the tests of `tests/e2e` by URL.

use stack::fault::{Done, Fault};
use stack::{Addresses, Issuer, Plan, Stack, console, run};

use crate::{clients, smoke};

/// Brings up a stack with this issuer of tokens, plays, and takes it down.
pub fn run(issuer: Issuer) -> Done {
    let module = match issuer {
        Issuer::KeyServer => "signed::",
        Issuer::Emulator => "emulator::",
        Issuer::Project(_) => return Err(Fault::new("end to end", "never against somebody's project")),
    };
    let mut stack = up(issuer)?;
    println!();
    smoke::play(&mut stack)?;
    println!();
    suite(&stack.addresses, module)
}

/// The tests in `module` alone.
pub fn only(issuer: Issuer, module: &str) -> Done {
    let stack = up(issuer)?;
    println!();
    suite(&stack.addresses, module)
}

fn up(issuer: Issuer) -> Done<Stack> {
    Stack::up(&Plan {
        more_edges: true,
        ..Plan::throw_away(issuer)
    })
}

/// Runs the tests in `module`: those that go with this stack's issuer.
fn suite(addresses: &Addresses, module: &str) -> Done {
    console::step("compile the clients", clients::build)?;
    let words = [
        "test",
        "--quiet",
        "--package",
        "crossfade-e2e",
        "--test",
        "e2e",
        "--",
    ];
    // Most tests wait, for a timeout or for an edge to start.
    run::shown(
        "end to end",
        run::cargo()
            .args(words)
            .args([module, "--test-threads=6"])
            .envs(variables(addresses)),
    )
}

/// The tests ask the operator's commands, too.
fn this_program() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    path.to_string_lossy().into_owned()
}

/// What `tests/e2e/stack.rs` reads.
fn variables(addresses: &Addresses) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("E2E_EDGE", addresses.edge.clone()),
        ("E2E_ORIGIN", addresses.origin.clone()),
        ("E2E_LEGACY", addresses.legacy.clone()),
        ("E2E_PROJECT", addresses.project.clone()),
        ("E2E_SERVICE_KEY", addresses.service_key.clone()),
        ("E2E_ASSERTION_KEYS", addresses.assertion_keys.clone()),
        ("E2E_LEGACY_SECRET", addresses.legacy_secret.clone()),
        ("E2E_XTASK", this_program()),
    ];
    for (name, address) in [
        ("E2E_EDGES", &addresses.edges),
        ("E2E_EMULATOR", &addresses.emulator),
        ("E2E_KEY_SERVER", &addresses.key_server),
        ("E2E_GOOGLE", &addresses.google),
    ] {
        variables.extend(address.clone().map(|address| (name, address)));
    }
    variables
}
