//! From the start of workerd to the first answer: what a user waits for who meets a new isolate.

use std::collections::BTreeMap;
use std::process::Command;

use stack::fault::{Done, Fault, In as _};
use stack::{paths, run};

use super::STEP;

/// Turns; each starts every Worker once.
const TURNS: usize = 15;

/// Milliseconds by worker, sorted. The Worker has to be built.
pub fn measure() -> Done<BTreeMap<String, Vec<f64>>> {
    let mut command = Command::new("node");
    command
        .arg(paths::root().join("bench/edge/start.mjs"))
        .arg(paths::root())
        .arg(paths::working("bench-start"))
        .arg(TURNS.to_string());
    let text = run::output(&mut command).ok_or_else(|| Fault::new(STEP, "start.mjs failed"))?;
    serde_json::from_str(&text).in_step(STEP)
}
