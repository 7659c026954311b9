//! Lints are written once, in the workspace; a crate that forgets to take them has none.

use std::fs;

use crate::fault::{Done, Fault, In as _};
use crate::paths;

const STEP: &str = "every crate takes the workspace's lints";

pub fn check() -> Done {
    let root = paths::root();
    let workspace: toml::Table = fs::read_to_string(root.join("Cargo.toml"))
        .in_step(STEP)?
        .parse()
        .in_step(STEP)?;
    let members = workspace
        .get("workspace")
        .and_then(|workspace| workspace.get("members"))
        .and_then(toml::Value::as_array)
        .ok_or_else(|| Fault::new(STEP, "the workspace has no members"))?;
    let mut without = Vec::new();
    for member in members.iter().filter_map(toml::Value::as_str) {
        let manifest: toml::Table = fs::read_to_string(root.join(member).join("Cargo.toml"))
            .in_step(STEP)?
            .parse()
            .in_step(STEP)?;
        let taken = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        if taken != Some(true) {
            without.push(member);
        }
    }
    if without.is_empty() {
        Ok(())
    } else {
        Err(Fault::new(
            STEP,
            format!("`[lints] workspace = true` is missing in: {}", without.join(", ")),
        ))
    }
}
