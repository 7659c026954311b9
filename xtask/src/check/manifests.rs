//! Lints are written once, in the workspace; a crate that forgets to take them has none.

use std::fs;

use stack::fault::{Done, Fault, In as _};
use stack::run;

const STEP: &str = "every crate takes the workspace's lints";

pub fn check() -> Done {
    let mut without = Vec::new();
    for package in run::packages(STEP)? {
        let text = fs::read_to_string(&package.manifest_path).in_step(STEP)?;
        let manifest: toml::Table = text.parse().in_step(STEP)?;
        let taken = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        if taken != Some(true) {
            without.push(package.name);
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
