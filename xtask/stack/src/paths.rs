//! Where things are: the workspace, its working folder `.dev`, the per-user cache.

use std::env;
use std::path::{Path, PathBuf};

/// The workspace's root: that of the checkout in which the command was given, and not of the one where the program was compiled. A copied
/// checkout brings a compiled program along, and must not work on the original's data.
pub fn root() -> PathBuf {
    // Cargo says where the package is that it runs.
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = || env::current_dir().ok();
    package
        .as_deref()
        .and_then(Path::parent)
        .and_then(workspace_above)
        .or_else(|| here().as_deref().and_then(workspace_above))
        .or_else(here)
        .unwrap_or_default()
}

/// The nearest folder, `from` itself or one above it, that holds this workspace.
fn workspace_above(from: &Path) -> Option<PathBuf> {
    from.ancestors()
        .find(|folder| folder.join("xtask/Cargo.toml").is_file() && folder.join("Cargo.lock").is_file())
        .map(Path::to_owned)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspace_is_the_one_that_the_folder_is_in() {
        let copy = env::temp_dir().join(format!("crossfade-paths-{}", std::process::id()));
        let deep = copy.join("origin/src");
        for folder in [copy.join("xtask"), deep.clone()] {
            std::fs::create_dir_all(folder).unwrap();
        }
        for file in ["xtask/Cargo.toml", "Cargo.lock"] {
            std::fs::write(copy.join(file), "").unwrap();
        }
        assert_eq!(workspace_above(&deep), Some(copy.clone()));
        assert_eq!(workspace_above(&copy), Some(copy.clone()));
        assert_ne!(workspace_above(&root()), Some(copy.clone()));
        std::fs::remove_dir_all(&copy).unwrap();
        assert_eq!(workspace_above(&deep), None);
    }
}
