//! `cargo xtask where`: the addresses and throw-away secrets of a running stack, for commands one types beside it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rustix::process::{Pid, test_kill_process};
use serde_json::{Map, Value, json};

use crate::Addresses;
use crate::fault::{Done, Fault, In as _};
use crate::paths;

const STEP: &str = "where";
/// More than [`crate::guard`] gives what it ends.
const PATIENCE: Duration = Duration::from_secs(12);
/// How long a process that was killed may be listed still.
const WITH_THE_LIVING: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);
/// Names the file of a stack that is not `cargo xtask dev`'s.
pub const VARIABLE: &str = "CROSSFADE_RUNNING";

/// Options of `cargo xtask where`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// What is asked for; everything, as assignments for `eval`, unless told.
    #[arg(value_enum)]
    what: Option<What>,
}

/// What is known of a running stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// What browsers and services call.
    Edge,
    /// Users and ledger.
    Origin,
    /// The stand-in of the legacy service.
    Legacy,
    /// Where that is told to misbehave.
    LegacyControl,
    /// The Auth emulator.
    Emulator,
    /// The address of the database, with its password.
    Database,
    /// The key of an internal service that may administer.
    ServiceKey,
    /// `ORIGIN_ASSERTION_KEYS`
    AssertionKeys,
}

impl What {
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    fn of(self, addresses: &Addresses) -> Option<&str> {
        Some(match self {
            Self::Edge => &addresses.edge,
            Self::Origin => &addresses.origin,
            Self::Legacy => &addresses.legacy,
            Self::LegacyControl => &addresses.legacy_control,
            Self::Emulator => return addresses.emulator.as_deref(),
            Self::Database => &addresses.database,
            Self::ServiceKey => &addresses.service_key,
            Self::AssertionKeys => &addresses.assertion_keys,
        })
    }
}

/// Prints one of them, or all.
pub fn run(options: &Options) -> Done {
    let asked = options
        .what
        .map_or_else(|| What::value_variants().to_vec(), |what| vec![what]);
    let found: Vec<(What, String)> = asked
        .into_iter()
        .filter_map(|what| Some((what, find(what)?)))
        .collect();
    if found.is_empty() {
        return Err(Fault::new(STEP, "no stack with such a part is running")
            .hint("start `cargo xtask dev` in another terminal"));
    }
    for (what, value) in found {
        match options.what {
            Some(_) => println!("{value}"),
            // None of the values has a quote in it.
            None => println!(
                "export {}='{value}'",
                what.name().to_uppercase().replace('-', "_")
            ),
        }
    }
    Ok(())
}

/// One of them, if a stack is running.
pub fn find(what: What) -> Option<String> {
    let text = fs::read_to_string(file()).ok()?;
    let running: Value = serde_json::from_str(&text).ok()?;
    running.get(what.name())?.as_str().map(str::to_owned)
}

/// Where `cargo xtask dev` writes them, or the file that [`VARIABLE`] names.
pub fn file() -> PathBuf {
    std::env::var_os(VARIABLE).map_or_else(|| paths::working("running.json"), PathBuf::from)
}

/// Makes this the only stack that keeps its data in the checkout, for as long as a process has the file open: two would share data, logs and
/// configuration. Waits while what a stack has left behind is still being ended.
pub fn alone(lock: &Path) -> Done<fs::File> {
    const STEP: &str = "start";
    fs::create_dir_all(lock.parent().unwrap_or(lock)).in_step(STEP)?;
    let mut open = fs::OpenOptions::new();
    let mut file = open
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(lock)
        .in_step(STEP)?;
    let began = Instant::now();
    while let Err(held) = file.try_lock() {
        if let fs::TryLockError::Error(error) = held {
            return Err(Fault::new(STEP, error));
        }
        let owner = fs::read_to_string(lock)
            .ok()
            .and_then(|pid| Pid::from_raw(pid.trim().parse().ok()?));
        let lives = owner.is_some_and(|owner| test_kill_process(owner).is_ok());
        if began.elapsed() > if lives { WITH_THE_LIVING } else { PATIENCE } {
            return Err(Fault::new(STEP, "another stack of this checkout is running").hint(
                "`cargo xtask where` says where; end it, or start this one in a checkout of its own (`git worktree add`)",
            ));
        }
        thread::sleep(POLL);
    }
    file.set_len(0).in_step(STEP)?;
    write!(file, "{}", std::process::id()).in_step(STEP)?;
    Ok(file)
}

/// Writes them to `file`, readable by its owner alone.
pub fn remember(addresses: &Addresses, file: &Path) -> Done {
    let running: Map<String, Value> = What::value_variants()
        .iter()
        .filter_map(|what| Some((what.name(), json!(what.of(addresses)?))))
        .collect();
    // Not over an older one, whose rights it would keep.
    let _ = fs::remove_file(file);
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut open| open.write_all(Value::Object(running).to_string().as_bytes()))
        .in_step("write down where the stack runs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_stack_of_a_checkout_is_refused_until_the_first_ends() {
        let lock = std::env::temp_dir().join(format!("crossfade-alone-{}/lock", std::process::id()));
        let first = alone(&lock).unwrap();
        let refused = alone(&lock).unwrap_err();
        assert!(refused.hint.is_some_and(|hint| hint.contains("end it")));
        drop(first);
        drop(alone(&lock).unwrap());
        fs::remove_dir_all(lock.parent().unwrap()).unwrap();
    }
}
