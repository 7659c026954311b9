//! Where things are: the workspace, its working folder `.dev`, the per-user cache.

use std::env;
use std::path::{Path, PathBuf};

/// The workspace's root.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// What commands leave behind between runs: databases, logs, generated configuration. Not in git.
pub fn working(name: &str) -> PathBuf {
    root().join(".dev").join(name)
}

/// Logs of everything that is run.
pub fn log(name: &str) -> PathBuf {
    working("logs").join(format!("{name}.log"))
}

/// A program npm installed.
pub fn npm_bin(name: &str) -> PathBuf {
    root().join("node_modules/.bin").join(name)
}

/// The per-user cache: tools that take minutes to compile survive a fresh clone.
pub fn cache() -> PathBuf {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .unwrap_or_else(|| working("cache"));
    base.join("crossfade")
}

/// Where cargo puts this workspace's debug binaries.
pub fn debug_binary(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
